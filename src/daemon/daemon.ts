// The daemon: takes the lock, opens the ledger, lets the spool in and the consumers work, until a signal.
// Composition only; every step is a room's own.
//
// Start: home, lock, settings, ledger, what a dead daemon left, consumers, control socket, spool. Groups are opened before
// the first intake, so that what waited in the spool reaches consumers that are new with this start.
// Stop: no more intake and no more starts; running attempts get 20 s to end, then TERM, then KILL; theirs are ready again.
import { readdirSync, statSync, watch } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { startAttempt } from "../attempt/run.ts";
import { ensureNodeConfig } from "../config/node.ts";
import { loadSecrets } from "../config/secrets.ts";
import type { DispatcherDeps, OutcomeReport } from "../dispatch/dispatcher.ts";
import { makeSlots } from "../dispatch/slots.ts";
import { codeOf, messageOf, OffhookError } from "../errors.ts";
import { projectFinder, realPathFinder } from "../event/project.ts";
import { openSpool } from "../spool/collect.ts";
import { openLedger } from "../stream/ledger.ts";
import { bootId, processStartTime } from "../system/process.ts";
import { version } from "../version.ts";
import { serveControl } from "./control.ts";
import { makeIngest } from "./ingest.ts";
import { takeLock } from "./lock.ts";
import { planContextOf } from "./plan-context.ts";
import { recover } from "./recover.ts";
import { makeRoster, type Roster } from "./roster.ts";
import { rememberFiles } from "./same-files.ts";
import { listenForSignals } from "./signals.ts";

export type DaemonOptions = {
  home: string;
  /** Run these consumers only; null: all. */
  only: readonly string[] | null;
  log(line: string): void;
  onOutcome(outcome: OutcomeReport): void;
  /** Called once everything is in place. */
  onReady(): void;
};

/** How long running attempts may go on after a signal, and then after TERM, in ms. */
const DRAIN_MS = 20_000;
const KILL_AFTER_MS = 5_000;
const CONFIG_POLL_MS = 2_000;

/** Runs until a signal, or until the ledger cannot be written any more, which throws. Errors: lock held (75), settings (78). */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { home, log } = options;
  const signals = listenForSignals();
  process.chdir(home);
  const startedAt = new Date().toISOString();
  await takeLock(home, { pid: process.pid, startedAt });

  const settings = ensureNodeConfig(home);
  const stream = openLedger(join(home, "ledger.db"), { now: Date.now, durability: settings.durability });
  const checkHome = rememberFiles(home, [join(home, "daemon.lock"), join(home, "ledger.db")]);
  const failed = Promise.withResolvers<never>();
  const leftover = await recover(stream, KILL_AFTER_MS);
  if (leftover > 0)
    log(
      `${leftover} ${leftover === 1 ? "delivery was" : "deliveries were"} running when the last daemon ended: ready again`,
    );

  let secrets = loadSecrets(home);
  const slots = makeSlots(settings.workers, () => setImmediate(() => roster.advance()));
  const dispatcherDeps = (): DispatcherDeps => ({
    stream,
    slots,
    startAttempt: (plan) => startAttempt(plan, { killAfterMs: KILL_AFTER_MS, note: log }),
    planContext: (delivery) => planContextOf({ home, userHome: homedir(), secrets }, delivery),
    realPath: realPathFinder({ now: Date.now }),
    bootId: bootId(),
    startTimeOf: processStartTime,
    now: Date.now,
    random: Math.random,
    onOutcome: options.onOutcome,
    fail: failed.reject,
  });
  const roster: Roster = makeRoster(home, {
    stream,
    dispatcher: dispatcherDeps,
    secrets: () => secrets,
    only: options.only,
    log,
  });
  const load = () => {
    secrets = loadSecrets(home);
    for (const warning of secrets.warnings) log(warning);
    roster.reload();
    roster.advance();
  };
  const reload = () => {
    try {
      load();
    } catch (error) {
      // What the user can mend leaves everything as it was; anything else is the ledger's.
      if (error instanceof OffhookError) log(`nothing was reloaded: ${error.message}`);
      else failed.reject(error);
    }
  };
  // Before the consumers: a start that fails must not have started anything.
  const control = serveControl({
    state: () => ({ pid: process.pid, version, startedAt, consumers: roster.entries() }),
    reload,
  });
  load();
  signals.onReload(reload);

  const ingest = makeIngest({
    home,
    spool: openSpool(home),
    stream,
    context: { node: settings.name, projectOf: projectFinder({ now: Date.now }) },
    checkHome,
    now: Date.now,
    log,
    onAppended: () => roster.advance(),
    fail: failed.reject,
  });
  const config = watchConfig(home, reload);
  ingest.watch();
  options.onReady();

  let drainMs = DRAIN_MS;
  try {
    const signal = await Promise.race([signals.stop, failed.promise]);
    log(`${signal}: taking in nothing more; waiting for what runs`);
  } catch (error) {
    drainMs = 0;
    throw error;
  } finally {
    config.stop();
    await ingest.stop();
    const ended = roster.stop().then(() => true);
    const isDrained = await Promise.race([
      ended,
      Bun.sleep(drainMs).then(() => false),
      signals.hurry.then(() => false),
    ]);
    if (!isDrained) {
      log("ending what still runs; it is ready again at the next start");
      roster.endRunning();
      await ended;
    }
    await control.stop();
    stream.close();
  }
}

/** Calls `changed` when a consumer file or the secrets may have changed: a watch for speed, a comparison for certainty. */
function watchConfig(home: string, changed: () => void): { stop(): void } {
  const directory = join(home, "consumers");
  let seen = stamp(home);
  const look = () => {
    const stampNow = stamp(home);
    if (stampNow === seen) return;
    seen = stampNow;
    changed();
  };
  const watcher = watch(directory, look);
  const poll = setInterval(look, CONFIG_POLL_MS);
  return {
    stop() {
      watcher.close();
      clearInterval(poll);
    },
  };
}

/** Names, sizes and times of what makes up the consumers: changes when an editor has saved one. */
function stamp(home: string): string {
  const directory = join(home, "consumers");
  const names = orItsCode(() => readdirSync(directory).join("\0")).split("\0");
  const stampOf = (path: string) =>
    orItsCode(() => {
      const { size, mtimeMs, ino } = statSync(path);
      return `${path}:${size}:${mtimeMs}:${ino}`;
    });
  return [...names.map((name) => join(directory, name)), join(home, "secrets.env")].map(stampOf).join("|");
}

/** Gone, closed or a link to itself is a state like any other here: loading the file is what says what is wrong with it. */
function orItsCode(look: () => string): string {
  try {
    return look();
  } catch (error) {
    return codeOf(error) ?? messageOf(error);
  }
}

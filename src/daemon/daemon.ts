// The daemon: takes the lock, opens the ledger, lets the spool in and the consumers work, until a signal.
// Composition only; every step is a room's own.
//
// Start: home, lock, settings, ledger, what a dead daemon left, consumers, control socket, spool. Groups are opened before
// the first intake, so that what waited in the spool reaches consumers that are new with this start.
// Stop: no more intake and no more starts; running attempts get 20 s to end, then TERM, then KILL; theirs are ready again.
import { homedir } from "node:os";
import { join } from "node:path";
import { startAttempt } from "../attempt/run.ts";
import { ensureNodeConfig } from "../config/node.ts";
import { loadSecrets } from "../config/secrets.ts";
import type { DispatcherDeps, OutcomeReport } from "../dispatch/dispatcher.ts";
import { makeSlots } from "../dispatch/slots.ts";
import { makeTurns } from "../dispatch/turns.ts";
import { messageOf, OffhookError } from "../errors.ts";
import { projectFinder, realPathFinder } from "../event/project.ts";
import { openSpool } from "../spool/collect.ts";
import { openLedger } from "../stream/ledger.ts";
import { passingTrouble } from "../stream/passing-trouble.ts";
import { bootId, processStartTime } from "../system/process.ts";
import { version } from "../version.ts";
import { watchConfig } from "./config-watch.ts";
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
/** Trouble that lasts is said again this often. */
const SAY_AGAIN_MS = 60_000;

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
  // Whatever escapes is unknown territory: end, and let the next start find everything where the ledger has it.
  process.on("uncaughtException", failed.reject);
  const leftover = await recover(stream, KILL_AFTER_MS);
  if (leftover > 0)
    log(
      `${leftover} ${leftover === 1 ? "delivery was" : "deliveries were"} running when the last daemon ended: ready again`,
    );

  let secrets = loadSecrets(home);
  const turns = makeTurns();
  const slots = makeSlots(settings.workers, () => roster.advance());
  // Measured by a clock that nobody sets back: an answer of the disk must not be believed for a day.
  const realPath = realPathFinder({ now: () => performance.now() });
  const dispatcherDeps: DispatcherDeps = {
    stream,
    slots,
    turns,
    startAttempt: (plan) => startAttempt(plan, { killAfterMs: KILL_AFTER_MS, note: log }),
    planContext: (delivery) => planContextOf({ home, userHome: homedir(), secrets }, delivery),
    realPath,
    bootId: bootId(),
    startTimeOf: processStartTime,
    now: Date.now,
    random: Math.random,
    onOutcome: options.onOutcome,
    onTrouble: troubleSayer(home, log),
    fail: failed.reject,
  };
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
    context: { node: settings.name, projectOf: projectFinder({ now: () => performance.now() }) },
    checkHome,
    now: Date.now,
    log,
    onAppended: () => roster.advance(),
    fail: failed.reject,
  });
  const config = watchConfig(home, reload, () => log("config.toml has changed; it takes effect at the next start"));
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
    await drain(roster, Promise.race([Bun.sleep(drainMs), signals.hurry]), log);
    await control.stop();
    stream.close();
  }
}

/** Says trouble that passes once a minute, however many groups meet it. */
function troubleSayer(home: string, log: (line: string) => void): (error: unknown) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (performance.now() - saidAt < SAY_AGAIN_MS) return;
    saidAt = performance.now();
    log(`consumers wait: ${messageOf(error)} (${home}); ${passingTrouble(error)}`);
  };
}

/** Lets running attempts end by themselves until `patience` is over, then ends them. */
async function drain(roster: Roster, patience: Promise<unknown>, log: (line: string) => void): Promise<void> {
  const ended = roster.stop();
  if (await Promise.race([ended.then(() => true), patience.then(() => false)])) return;
  roster.endRunning();
  log("ending what still runs; it is ready again at the next start");
  await ended;
}

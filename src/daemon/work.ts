// What a daemon does once it holds the lock and the ledger: recovery, consumers, control socket, intake, housekeeping, until a
// signal. Composition only; every step is a room's own.
//
// Start: what a dead daemon left, control socket, consumers, spool. Groups are opened before the first intake, so that what
// waited in the spool reaches consumers that are new with this start.
// Stop: no more intake and no more starts; running attempts get 20 s to end, then TERM, then KILL; theirs are ready again.
import { homedir } from "node:os";
import { join } from "node:path";
import { startAttempt } from "../attempt/run.ts";
import { consumerNames } from "../config/load.ts";
import type { NodeConfig } from "../config/node.ts";
import { pathsOf } from "../config/paths.ts";
import { projectFileFinder } from "../config/project-file.ts";
import { makeSlots } from "../dispatch/slots.ts";
import type { OutcomeReport, Surroundings } from "../dispatch/surroundings.ts";
import { makeTurns } from "../dispatch/turns.ts";
import { OffhookError } from "../errors.ts";
import { projectFinder, realPathFinder } from "../event/project.ts";
import { openInspection } from "../ledger/inspect.ts";
import { openSpool } from "../spool/collect.ts";
import { passingTrouble } from "../stream/passing-trouble.ts";
import type { Stream } from "../stream/stream.ts";
import { bootId, processStartTime } from "../system/process.ts";
import { version } from "../version.ts";
import { applyChange } from "./change.ts";
import { watchConfig } from "./config-watch.ts";
import { serveControl } from "./control.ts";
import type { Disk } from "./disk.ts";
import { drain } from "./drain.ts";
import { groupsOf } from "./groups-now.ts";
import { holdingBack, makeHousekeeping } from "./housekeeping.ts";
import { makeIngest } from "./ingest.ts";
import { liveSettings } from "./live-settings.ts";
import { joinIfAsked } from "./membership.ts";
import { makeOwnEvents } from "./own-events.ts";
import { planContextOf, redactionOf } from "./plan-context.ts";
import { recover, withoutProcesses } from "./recover.ts";
import { makeRoster, type Roster } from "./roster.ts";
import { rememberFiles } from "./same-files.ts";
import type { Signals } from "./signals.ts";
import { makeSilencing } from "./silencing.ts";
import { inRounds, later, steadyNow } from "./time.ts";

/** How long running attempts may go on after a signal, and then after TERM, in ms. */
const DRAIN_MS = 20_000;
const KILL_AFTER_MS = 5_000;
/** Between two pieces of housekeeping, and when there is nothing more to keep. */
const NEXT_PIECE_MS = 50;
const KEEP_EVERY_MS = 60_000;
/** When a reload met trouble that passes. */
const RELOAD_AGAIN_MS = 1_000;

export type DaemonOptions = {
  home: string;
  /** Run these consumers only; null: all. */
  only: readonly string[] | null;
  log(line: string): void;
  onOutcome(outcome: OutcomeReport): void;
  /** Called once everything is in place. */
  onReady(): void;
};

/** What the daemon holds when its work begins. */
export type Held = { stream: Stream; settings: NodeConfig; disk: Disk; signals: Signals; startedAt: string };

/** Works until a signal, or until the ledger cannot be written any more, which throws. */
export async function work({ home, only, log, onOutcome, onReady }: DaemonOptions, held: Held): Promise<void> {
  const { stream, disk, signals, startedAt } = held;
  const live = liveSettings(home, held.settings, log);
  const { settings } = live;
  const ledgerPath = pathsOf(home).ledger;
  const checkHome = rememberFiles(home, [join(home, "daemon.lock"), ledgerPath]);
  const failed = Promise.withResolvers<never>();
  // Whatever escapes is unknown territory: end, and let the next start find everything where the ledger has it.
  process.on("uncaughtException", failed.reject);
  const advance = () => {
    roster.advance();
    member?.advance();
  };
  const ownEvents = makeOwnEvents({
    stream,
    node: held.settings.name,
    now: Date.now,
    later,
    onPublished: advance,
    fail: failed.reject,
  });
  // What a start must write gets the ballast's room on a disk that is full already.
  const settle: Stream["settle"] = (...all) => disk.withRoom(() => stream.settle(...all));
  const leftover = await recover({ ...stream, settle }, KILL_AFTER_MS, ownEvents.make, home);

  const userHome = homedir();
  const environment = Object.freeze({ ...process.env });
  const place = () => ({ home, userHome, secrets: live.secrets(), environment, patterns: held.settings.redact });
  const turns = makeTurns();
  const slots = makeSlots(held.settings.workers);
  // By a clock that nobody sets back: an answer of the disk must not be believed for a day.
  const steady = { now: steadyNow };
  const silencing = makeSilencing(projectFileFinder(steady), log);
  const surroundings: Surroundings = {
    stream,
    slots,
    turns,
    startAttempt: ({ plan }) => startAttempt(plan, { killAfterMs: KILL_AFTER_MS, note: log }),
    planContext: (delivery) => planContextOf(place(), delivery),
    realPath: realPathFinder(steady),
    isOff: (name) => settings().disabled.includes(name),
    silencingOf: silencing.silencingOf,
    bootId: bootId(),
    startTimeOf: processStartTime,
    now: Date.now,
    later,
    random: Math.random,
    ownEvent: ownEvents.make,
    onOwnEvents: advance,
    onOutcome,
    isFull: disk.isFull,
    onTrouble: disk.trouble,
    fail: failed.reject,
  };
  const groups = groupsOf(ledgerPath, disk.trouble);
  const member = await joinIfAsked(held.settings, {
    home,
    secrets: live.secrets,
    redactNow: () => redactionOf(place()),
    stream,
    surroundings,
    groups,
    publishMade: ownEvents.publishMade,
    recover: (shared) => recover(withoutProcesses(shared), KILL_AFTER_MS, ownEvents.make, home),
    log,
  });
  const roster: Roster = makeRoster(home, {
    stream,
    surroundings,
    secrets: live.secrets,
    publish: ownEvents.publish,
    only,
    cluster: member,
    log,
  });
  const load = () => {
    live.read();
    roster.reload();
    roster.advance();
  };
  let isStopping = false;
  const reload = () => {
    if (isStopping) return;
    try {
      load();
    } catch (error) {
      // What the user can mend leaves everything as it was; what passes is waited for; anything else is the ledger's.
      if (error instanceof OffhookError) return log(`nothing was reloaded: ${error.message}`);
      if (passingTrouble(error) === null) return failed.reject(error);
      disk.trouble(error);
      later(RELOAD_AGAIN_MS, reload);
    }
  };
  // Before the consumers: a start that fails must not have started anything.
  const control = serveControl({
    state: () => ({
      pid: process.pid,
      version,
      startedAt,
      consumers: roster.entries(),
      trouble: disk.state(),
      projectFiles: silencing.refused(),
      holdingBack: holdingBack(groups(), settings()),
      ...(member === null ? {} : { cluster: member.state() }),
    }),
    change: (change) =>
      applyChange(change, {
        stream,
        inspect: () => openInspection(ledgerPath),
        consumerNamed: roster.consumerNamed,
        fileNames: () => consumerNames(home),
        isOff: surroundings.isOff,
        isRunning: roster.isRunning,
        realPath: surroundings.realPath,
        now: Date.now,
        reopen: roster.reopen,
        forgotten: roster.forget,
        advance,
      }),
  });
  disk.withRoom(load);
  if (leftover > 0) {
    const were = leftover === 1 ? "1 delivery was" : `${leftover} deliveries were`;
    log(`${were} running when the last daemon ended: ready again`);
    ownEvents.publish({ kind: "recovered", what: "daemon", deliveries: leftover });
  }
  signals.onReload(reload);

  const ingest = makeIngest({
    home,
    spool: openSpool(home),
    stream,
    disk,
    context: { node: held.settings.name, projectOf: projectFinder(steady) },
    checkHome,
    now: Date.now,
    log,
    onAppended: advance,
    fail: failed.reject,
  });
  const config = watchConfig(home, reload, () => live.secrets().isUnread || roster.isMissingSome());
  disk.onRoom(({ kind, forMs }) => {
    if (kind === "disk-full") ownEvents.publish({ kind: "recovered", what: "disk", forMs: Math.round(forMs) });
    void ingest.run();
    advance();
  });
  const house = makeHousekeeping({ stream, limits: settings, now: Date.now, log, onSkipped: roster.reopen });
  const keep = () => {
    try {
      return house.run() ? NEXT_PIECE_MS : KEEP_EVERY_MS;
    } catch (error) {
      if (passingTrouble(error) === null) failed.reject(error);
      else disk.trouble(error);
      return KEEP_EVERY_MS;
    }
  };
  disk.ensure();
  const stopKeeping = inRounds(keep);
  ingest.watch();
  onReady();

  let drainMs = DRAIN_MS;
  try {
    const signal = await Promise.race([signals.stop, failed.promise]);
    log(`${signal}: taking in nothing more; waiting for what runs`);
  } catch (error) {
    drainMs = 0;
    throw error;
  } finally {
    isStopping = true;
    config.stop();
    await ingest.stop();
    const parts = member === null ? [roster] : [roster, member];
    await drain(parts, Promise.race([Bun.sleep(drainMs), signals.hurry]), log);
    await control.stop();
    stopKeeping();
  }
}

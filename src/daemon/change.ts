// What a person may change in a ledger, carried out by whoever holds it: the daemon, or the command itself where none runs.
// Long ones go page by page and give way in between, so that a daemon's consumers do not wait for them.
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import type { GroupState } from "../ledger/group-state.ts";
import { passingTrouble } from "../stream/passing-trouble.ts";
import type { Pruned } from "../stream/stream.ts";
import type { ChangeDeps } from "./change-deps.ts";
import { type Replayed, replayEvents, type Selection } from "./replay.ts";
import { giveWay } from "./time.ts";

export type Change =
  | { kind: "pause" | "resume" | "forget"; consumer: string }
  /** `deliveries`: whole ids of dead letters. */
  | { kind: "retry-dead" | "purge-dead"; deliveries: readonly string[] }
  | { kind: "replay"; consumer: string; selection: Selection; dryRun: boolean }
  /** Lets go of what was settled before then; what is still to do and dead letters stay. */
  | { kind: "prune"; beforeMs: number };

/** What came of a change, by its kind. */
export type Answers = {
  /** The group as it was before. */
  pause: GroupState;
  resume: GroupState;
  forget: GroupState;
  /** How many were dead letters still. */
  "retry-dead": { count: number };
  "purge-dead": { count: number };
  replay: Replayed;
  prune: Pruned;
};

export type Answer<C extends Change> = Answers[C["kind"]];

/** As many dead letters, or settled deliveries and events, are changed in one transaction. */
const PAGE = 200;
/** As many events one call of prune passes at least that have to stay. */
const PASSED = 10_000;

/** Carries out a change. Errors: no such name (66), its file is in the way or not well (78), still running (75), a full disk (1). */
export async function applyChange<C extends Change>(change: C, deps: ChangeDeps): Promise<Answer<C>> {
  try {
    return (await carryOut(change, deps)) as Answer<C>;
  } catch (error) {
    const trouble = passingTrouble(error);
    if (trouble === null) throw error;
    throw new OffhookError(EXIT.failed, `the ledger cannot be written: ${messageOf(error)}`, trouble.advice);
  }
}

async function carryOut(change: Change, deps: ChangeDeps): Promise<Answers[Change["kind"]]> {
  switch (change.kind) {
    case "pause":
    case "resume": {
      const group = groupNamed(change.consumer, deps);
      deps.stream.setPaused(change.consumer, change.kind === "pause");
      deps.reopen(change.consumer);
      return group;
    }
    case "forget":
      return forget(change.consumer, deps);
    case "retry-dead": {
      const count = await inPages(change.deliveries, deps.stream.retryDead);
      deps.advance();
      return { count };
    }
    case "purge-dead":
      return { count: await inPages(change.deliveries, deps.stream.purgeDead) };
    case "replay":
      return replayEvents(change, deps);
    case "prune":
      return prune(change, deps);
    default:
      change satisfies never;
      throw new OffhookError(EXIT.busy, "the daemon is older than this command", "end it, then start: offhook consume");
  }
}

function forget(name: string, deps: ChangeDeps): GroupState {
  const group = groupNamed(name, deps);
  if (deps.fileNames().includes(name)) {
    throw new OffhookError(
      EXIT.config,
      `${name} has its file still: consumers/${name}.toml`,
      `remove the file first, then: offhook forget ${name}`,
    );
  }
  // Its outcome would have no place to be written to; and what a dead daemon left running is only known by its attempt.
  if (deps.isRunning(name) || deps.stream.unfinished().some((attempt) => attempt.consumer === name)) {
    throw new OffhookError(
      EXIT.busy,
      `something of ${name} still runs`,
      `wait until it has ended (offhook deliveries --consumer ${name} --state running), or end it; then try again`,
    );
  }
  deps.stream.forget(name);
  deps.forgotten(name);
  return group;
}

async function prune({ beforeMs }: { beforeMs: number }, { stream, inspect }: ChangeDeps): Promise<Pruned> {
  const sum: Pruned = { events: 0, deliveries: 0, deadLetters: 0 };
  const inspection = inspect();
  const events = inspection?.stream().events ?? 0;
  inspection?.close();
  // A piece may bring nothing because what has to stay lies in front; nothing is left when a whole round brought nothing.
  const round = 2 + Math.ceil(events / PASSED);
  for (let nothing = 0; nothing < round; ) {
    const limits = { settledBeforeMs: beforeMs, deadBeforeMs: Number.MIN_SAFE_INTEGER, most: PAGE };
    const gone = stream.prune(limits);
    sum.events += gone.events;
    sum.deliveries += gone.deliveries;
    nothing = gone.events + gone.deliveries === 0 ? nothing + 1 : 0;
    await giveWay();
  }
  return sum;
}

async function inPages(ids: readonly string[], work: (page: readonly string[]) => number): Promise<number> {
  let count = 0;
  for (let at = 0; at < ids.length; at += PAGE) {
    if (at > 0) await giveWay();
    count += work(ids.slice(at, at + PAGE));
  }
  return count;
}

/** Where a group stands. Error: there is none of this name (66). */
function groupNamed(name: string, { inspect, now }: ChangeDeps): GroupState {
  const inspection = inspect();
  const groups = inspection?.groups(now()) ?? [];
  inspection?.close();
  const found = groups.find((group) => group.consumer === name);
  if (found !== undefined) return found;
  const names = groups.map((group) => group.consumer);
  throw new OffhookError(
    EXIT.notFound,
    `no consumer "${name}" has ever run here`,
    names.length > 0 ? `there are: ${names.join(", ")}` : "offhook status",
  );
}

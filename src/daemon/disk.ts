// The disk's troubles, known in one place: who meets one says so here, and asks here whether to wait.
//
// Full: pieces of the ballast are given back so that outcomes can be written; intake waits, groups rest. Each second it is
// looked whether the whole ballast and as much room again are there: then everything goes on.
// An error of the disk, or a locked ledger: each who met it tries again by itself; it is over when nobody has met it any more.
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import { type PassingTrouble, passingTrouble } from "../stream/passing-trouble.ts";
import { type Made, makeBallast, type RoomOf, roomOfDisk } from "./ballast.ts";

/** What `GET /state` and `status` say of it. */
export type DiskTrouble = { kind: PassingTrouble["kind"]; since: string; text: string };

export type Disk = {
  /** Makes the ballast where there is room for it; tries again each minute where there was none. Never throws. */
  ensure(): void;
  /** Runs what a start needs; on a full disk the ballast's room is given to it. Error: the disk's, where that is not enough (1). */
  withRoom<T>(work: () => T): T;
  /**
   * Told of an error; any that does not pass by itself is ignored. True: there is more room than a moment ago, so what must be
   * written is tried again at once, before somebody else takes the room.
   */
  trouble(error: unknown): boolean;
  /** Whether it is full: nothing new is to be taken in or begun. */
  isFull(): boolean;
  state(): DiskTrouble | null;
  /** Calls back each time a trouble is over, with how long it was, in ms. */
  onRoom(call: (over: { kind: PassingTrouble["kind"]; forMs: number }) => void): void;
  stop(): void;
};

export type DiskDeps = {
  home: string;
  log(line: string): void;
  /** Wall time in ms since 1970. */
  now(): number;
  /** Ms of a clock that nobody sets. */
  steadyNow(): number;
  /** Calls back once after so many ms; what it gives calls it off. */
  later(ms: number, call: () => void): () => void;
  ballastBytes?: number;
  roomOf?: RoomOf;
};

const BALLAST_BYTES = 8 * 1024 * 1024;
/** Less than this is no room to open a ledger in. */
const TIGHT_BYTES = 256 * 1024;
const LOOK_AGAIN_MS = 1000;
/** After a try to write the ballast that failed, twice as long each time: writing is not free. */
const LONGEST_PAUSE_MS = 30_000;
const SAY_AGAIN_MS = 60_000;
/** Longer than the ledger's busy timeout (5 s) and what rests in between: who still meets a trouble has said so by then. */
const SILENCE_MS = 10_000;

type Lasting = { kind: PassingTrouble["kind"]; text: string; sinceMs: number; since: string; heardAtMs: number };

/** The disk of a home. Nothing is looked at before `ensure`. */
export function makeDisk(deps: DiskDeps): Disk {
  const { home, log, steadyNow, later } = deps;
  const roomOf = deps.roomOf ?? roomOfDisk;
  const ballast = makeBallast(home, { mostBytes: deps.ballastBytes ?? BALLAST_BYTES, roomOf });
  const listeners: Parameters<Disk["onRoom"]>[0][] = [];
  let lasting: Lasting | null = null;
  let callOff: (() => void) | null = null;
  let saidAtMs = Number.NEGATIVE_INFINITY;
  let pauseMs = LOOK_AGAIN_MS;
  let probed: { atMs: number; made: Made | null } = { atMs: Number.NEGATIVE_INFINITY, made: null };
  let lacks = "";

  const comeBackIn = (ms: number, call: () => void) => {
    callOff?.();
    callOff = later(ms, call);
  };

  const ensure = () => {
    if (lasting !== null) return; // A start may have met a full disk already: the ballast is whole again when that is over.
    const made = ballast.make();
    if (made.kind !== "whole") comeBackIn(SAY_AGAIN_MS, ensure);
    const text = made.kind === "whole" ? "" : whyNot(made);
    if (text !== "" && text !== lacks) log(`no room is kept for a full disk: ${text}`);
    lacks = text;
  };

  /** Errors of SQLite do not tell a used-up quota from a broken disk; writing a little does. */
  const isFullAfterAll = (): boolean => {
    if (steadyNow() - probed.atMs >= LOOK_AGAIN_MS) probed = { atMs: steadyNow(), made: ballast.probe() };
    return probed.made !== null && isNoRoom(probed.made);
  };

  const say = () => {
    if (lasting === null || steadyNow() - saidAtMs < SAY_AGAIN_MS) return;
    saidAtMs = steadyNow();
    log(`intake waits, consumers wait: ${lasting.text}`);
  };

  const look = () => {
    if (lasting === null) return;
    if (lasting.kind !== "disk-full") {
      if (steadyNow() - lasting.heardAtMs >= SILENCE_MS) return over(lasting);
      return comeBackIn(LOOK_AGAIN_MS, look);
    }
    const made = ballast.make();
    // Something in the ballast's place must not keep all waiting: as much room as with it is enough.
    if (made.kind === "whole" || (made.kind === "refused" && made.hasRoom)) return over(lasting);
    // Seen by a figure it costs nothing, so each second; found out by writing it costs something.
    pauseMs = made.kind === "no-room" ? LOOK_AGAIN_MS : Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    lasting.text = textOf(lasting.kind, home, whyNot(made));
    say();
    comeBackIn(pauseMs, look);
  };

  const over = ({ kind, sinceMs }: Lasting) => {
    lasting = null;
    saidAtMs = Number.NEGATIVE_INFINITY;
    pauseMs = LOOK_AGAIN_MS;
    ensure();
    const forMs = steadyNow() - sinceMs;
    log(`intake goes on, consumers go on: ${OVER[kind]} (after ${Math.ceil(forMs / 1000)} s)`);
    for (const call of listeners) call({ kind, forMs });
  };

  const trouble = (error: unknown): boolean => {
    const met = passingTrouble(error);
    if (met === null) return false;
    const kind = met.kind === "disk-error" && isFullAfterAll() ? "disk-full" : met.kind;
    if (lasting === null) {
      lasting = { kind, text: "", sinceMs: steadyNow(), since: new Date(deps.now()).toISOString(), heardAtMs: 0 };
      comeBackIn(LOOK_AGAIN_MS, look);
    }
    lasting.heardAtMs = steadyNow();
    // A full disk stays one until it is seen to be none.
    if (lasting.text === "" || (lasting.kind !== kind && lasting.kind !== "disk-full")) {
      lasting.kind = kind;
      const advice = kind === met.kind ? met.advice : "make room on its disk";
      lasting.text = textOf(kind, home, `${messageOf(error)}; ${advice}`);
      saidAtMs = Number.NEGATIVE_INFINITY;
    }
    say();
    return lasting.kind === "disk-full" && ballast.release();
  };

  return {
    ensure,
    withRoom(work) {
      // SQLite maps the ledger's -shm into memory. Where the disk's blocks are smaller than a page and there is none left, the
      // kernel answers a write there with SIGBUS, which is no error that could be met: so room is made before.
      if (roomOf(home).freeBytes < TIGHT_BYTES)
        trouble(Object.assign(new Error("no room is left"), { code: "ENOSPC" }));
      for (;;) {
        try {
          return work();
        } catch (error) {
          const met = diskErrorIn(error);
          if (met === null) throw error;
          if (trouble(met)) continue;
          throw new OffhookError(
            EXIT.failed,
            lasting?.text ?? messageOf(met),
            "mend that and start again; what waits in the spool is not lost",
          );
        }
      }
    },
    trouble,
    isFull: () => lasting?.kind === "disk-full",
    state: () => (lasting === null ? null : { kind: lasting.kind, since: lasting.since, text: lasting.text }),
    onRoom: (call) => void listeners.push(call),
    stop: () => callOff?.(),
  };
}

const OVER: Record<PassingTrouble["kind"], string> = {
  "disk-full": "the disk has room again",
  "disk-error": "the disk answers again",
  "ledger-locked": "the ledger can be written again",
};

function textOf(kind: PassingTrouble["kind"], home: string, cause: string): string {
  switch (kind) {
    case "disk-full":
      return `the disk of ${home} is full: ${cause}`;
    case "disk-error":
      return `the disk of ${home} has an error: ${cause}`;
    case "ledger-locked":
      return `another program has locked the ledger in ${home}: ${cause}`;
    default:
      return kind satisfies never;
  }
}

function whyNot(made: Exclude<Made, { kind: "whole" }>): string {
  switch (made.kind) {
    case "no-room":
      return `${tenths(Math.ceil, made.wantedBytes)} MiB must be free there, ${tenths(Math.floor, made.freeBytes)} are`;
    case "failed":
      return made.code === "EDQUOT" ? "the quota there is used up" : made.text;
    case "refused":
      return `${made.text}; move it away`;
    default:
      return made satisfies never;
  }
}

/** Tenths of a MiB, rounded so that what is not enough never looks as if it were. */
function tenths(round: (value: number) => number, bytes: number): string {
  return (round((bytes / 1024 / 1024) * 10) / 10).toFixed(1);
}

function isNoRoom(made: Made): boolean {
  return made.kind === "failed" && (made.code === "ENOSPC" || made.code === "EDQUOT");
}

/** The disk's error in what was thrown, which may be wrapped for people; null where it is another. */
function diskErrorIn(error: unknown): unknown {
  const isDisks = (thrown: unknown) => (passingTrouble(thrown)?.kind ?? "ledger-locked") !== "ledger-locked";
  if (isDisks(error)) return error;
  const { cause } = (error ?? {}) as { cause?: unknown };
  return isDisks(cause) ? cause : null;
}

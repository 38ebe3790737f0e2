// What a row of the torture suite is: the contract between the frame (main.ts, runner.ts) and the files in rows/.
// A row takes every random choice from its dice, checks by id and not by count, and gives what it saw. It neither prints nor
// ends the process, and what it mounts or starts it hands to `undo` before it goes on.
import type { Dice } from "./dice.ts";

/** A file of rows/ exports one as `row`. */
export type Row = {
  /** The name of its file without `.ts`. */
  name: string;
  /** What is done: "SIGKILL of publishers at random, 1 B to 1,000,001 B". */
  title: string;
  /** What it must show: "0 acknowledged lost, 0 visible corrupt". */
  must: string;
  /** How many cases a commit; --times and --nightly multiply it. */
  cases: number;
  /** Why it cannot run on this machine ("needs root, for a loop device"): it is skipped then. Null: it can. */
  missing(): string | null;
  run(context: Context): Promise<Seen>;
  control: Control;
};

/** The row's own check against something that is wrong on purpose: where it finds nothing, the row proves nothing. */
export type Control = {
  /** What is wrong: "an append-only log at 200,003 B". */
  title: string;
  /** Not multiplied. */
  cases: number;
  /** Well when there are findings. */
  run(context: Context): Promise<Seen>;
};

export type Seen = {
  /** How many of what, in the order in which they are told: { acknowledged: 1312, killed: 688, lost: 0 }. */
  counts: Record<string, number>;
  /** One sentence, with the id, for each thing that must not be. Empty: the row held. */
  findings: string[];
};

export type Context = {
  /** The offhook under test, absolute: a copy of dist/offhook, which no build replaces in the middle. */
  binary: string;
  /** A directory for this run alone, empty, 0700, without links in its path. Removed at the end. */
  place: string;
  /** As many as are asked for: those of the row or control, multiplied. */
  cases: number;
  /** Seeded with the run's seed and the row's name. Concurrent cases fork it by their number: dice.fork(17). */
  dice: Dice;
  /** Where it is now ("1,200 of 2,000"); the frame prints the latest every few seconds. */
  say(text: string): void;
  /** What must be done at the end, also when the run is interrupted: unmount, end a process. Last in, first out. */
  undo(step: () => void | Promise<void>): void;
  /** Aborted when the run is interrupted or out of time: start no further case. */
  signal: AbortSignal;
};

// How far a partition has come in the cluster's stream. Pure.
//
// 1. Each entry that was taken is a step. What is kept moves past a step when it and all before it are decided, or not wanted:
//    whoever goes on from there decides everything that is not decided, and nothing else.
// 2. Between the steps that are kept and the group's cursor nothing can lie, because both are written in one commit.
// 3. When Redis has lost data, the stream is read again from its beginning. Its seqs may mean other events now, the seqs of origins do
//    not: what was taken of an origin already is passed over.
import type { Entry } from "./entry.ts";

/** What is kept in Redis of it. */
export type PlaceRow = {
  resumeAfter: number;
  /** How far each origin is decided. */
  origins: Record<string, number>;
  /** What is added to the stream's seqs here, so that they go up even where the stream's began anew. */
  shift: number;
  /** When its group began with what came after; 0: it began with the first event. */
  beganMs: number;
  /** Entries up to this seq may have been there before the group began: after a loss they are read again. */
  againThrough: number;
  /** The last loss of Redis that it knows of, by Redis's clock; null: none. */
  lossMs: number | null;
};

/** An entry that was taken; `wanted`: its seq here, 0 where it is not to be decided on. */
type Step = { seq: number; wanted: number; origin: string; originSeq: number };

export type Place = ReturnType<typeof makePlace>;

/** The place of a group that begins after a seq. */
export function firstPlace(startAfterSeq: number, createdMs: number): PlaceRow {
  const beganMs = startAfterSeq === 0 ? 0 : createdMs;
  return { resumeAfter: startAfterSeq, origins: {}, shift: 0, beganMs, againThrough: 0, lossMs: null };
}

/** A place to go on from. */
export function makePlace(row: PlaceRow) {
  let { resumeAfter, shift, againThrough, lossMs } = row;
  let throughSeq = resumeAfter;
  const decided = new Map(Object.entries(row.origins));
  const taken = new Map(decided);
  let steps: Step[] = [];

  return {
    throughSeq: () => throughSeq,
    shift: () => shift,
    shiftTo(by: number) {
      shift = by;
    },
    /** Whether an entry is new here. */
    isNew({ seq, origin, originSeq, again, event }: Entry): boolean {
      if (origin !== "" && originSeq <= (taken.get(origin) ?? 0)) return false;
      const wasThere = again || seq <= againThrough;
      return !wasThere || event.timeMs >= row.beganMs;
    },
    /** Notes an entry, in order. `wanted`: its seq here where it is to be decided on, else 0. */
    pass({ seq, origin, originSeq }: Entry, wanted: number) {
      if (origin !== "") taken.set(origin, Math.max(originSeq, taken.get(origin) ?? 0));
      steps.push({ seq, wanted, origin, originSeq });
    },
    /** The stream was read through this seq. */
    passThrough(seq: number) {
      throughSeq = Math.max(throughSeq, seq);
      steps.push({ seq: throughSeq, wanted: 0, origin: "", originSeq: 0 });
    },
    /** Moves past what is decided, by the group's cursor; gives what is to be kept. */
    settle(cursor: number): PlaceRow {
      const open = steps.findIndex((step) => step.wanted > cursor);
      for (const { seq, origin, originSeq } of open < 0 ? steps : steps.slice(0, open)) {
        resumeAfter = seq;
        if (origin !== "") decided.set(origin, Math.max(originSeq, decided.get(origin) ?? 0));
      }
      steps = open < 0 ? [] : steps.slice(open);
      return { ...row, resumeAfter, origins: Object.fromEntries(decided), shift, againThrough, lossMs };
    },
    /** Reads the stream again from its beginning. */
    rewind() {
      againThrough = Math.max(againThrough, throughSeq);
      throughSeq = 0;
      resumeAfter = 0;
      for (const step of steps) step.seq = 0;
    },
    /** Notes when Redis was found to have lost data; true: that is news. */
    noteLoss(ms: number | null): boolean {
      if (ms === null || ms === lossMs) return false;
      lossMs = ms;
      return true;
    },
  };
}

// What Redis is told of a partition in one commit, and what it has of it. Types only.
import type { Event } from "../event/event.ts";

/** Field -> JSON, as Redis has them. */
export type PartitionRows = ReadonlyMap<string, string>;

/** One commit. A field stands in it once. */
export type Changes = {
  id: string;
  /** Commits that Redis may have seen last: the one that was confirmed last, and those that failed since, whose end nobody knows. */
  after: readonly string[];
  set: [string, string][];
  del: string[];
  /** DeliveryView as JSON with `node` and `settledMs`; `outcomesBefore`: how many this owner has told before these. */
  outcomes: string[];
  outcomesBefore: number;
  /** The daemon's own events that were written along. They are told again until a commit that has them is confirmed. */
  ownEvents: Event[];
  /** Everything: what is not in it is to go. */
  full: boolean;
};

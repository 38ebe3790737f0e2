// The stream's contract: the ordered events, and what each group (a consumer's place in the stream) has decided and done.
// Events are appended once and never change. Every verb is one transaction: it happened whole, or not at all.
import type { Event, StoredEvent } from "../event/event.ts";

/** What a delivery can be in. held, ready, running and backoff are pending; ok, findings and dead are settled. */
export type DeliveryState = "held" | "ready" | "running" | "backoff" | "ok" | "findings" | "dead";

/** Why a group decided not to deliver an event that it wanted. */
export type SkipReason = "double-firing" | "depth" | "disabled" | "file-gone" | "no-file";

/** What one consumer has to do once. */
export type Delivery = {
  id: string;
  consumer: string;
  key: string;
  state: DeliveryState;
  /** Events of this delivery, ascending. */
  seqs: number[];
  /** Attempts begun so far, and how many of them count toward retry.max. */
  attempts: number;
  counted: number;
};

export type NewDelivery = { key: string; seqs: number[] };
export type NewSkip = { seq: number; key: string; reason: SkipReason };

/** `ordered`: deliveries of one key neither overlap nor overtake each other. */
export type GroupOptions = { start: "now" | "earliest"; ordered: boolean };

/** What a group made of the events up to `cursor`. */
export type Decision = {
  consumer: string;
  ordered: boolean;
  cursor: number;
  deliveries: NewDelivery[];
  skips: NewSkip[];
};

/** How an attempt ended, as it is kept. `counts`: whether it counts toward retry.max. */
export type AttemptEnd = {
  outcome: "ok" | "findings" | "failed" | "killed" | "timeout" | "not-started";
  exitCode: number | null;
  signal: string | null;
  /** Null where nobody saw the end. */
  durationMs: number | null;
  stdout: string;
  stderr: string;
  reason: string | null;
  counts: boolean;
};

/** What follows for the delivery; dueMs is wall time in ms since 1970. */
export type Next =
  | { state: "ok" | "findings" }
  | { state: "ready" }
  | { state: "backoff"; reason: string; dueMs: number }
  | { state: "dead"; reason: string };

/** An attempt that was running when its daemon ended. */
export type Unfinished = {
  deliveryId: string;
  consumer: string;
  number: number;
  bootId: string | null;
  groupId: number | null;
  leaderStart: string | null;
};

/** The writing half. One process holds it (one home, one ledger, one daemon). Times are ms since 1970. */
export type Stream = {
  /** Appends events in this order, each id once, and marks double firings. Durable against a power cut when it returns. Gives how many were new. */
  append(events: readonly Event[]): number;
  /** The largest seq given so far; 0 before the first. */
  lastSeq(): number;
  /** Events after a cursor, in order. */
  read(afterSeq: number, limit: number): StoredEvent[];
  /** The events of a delivery. */
  eventsOf(seqs: readonly number[]): StoredEvent[];

  /** The group's cursor; a new group begins after the last event (now) or before the first (earliest). */
  openGroup(consumer: string, options: GroupOptions): number;
  /** Marks groups that no file names any more; they hold nothing back. */
  markRemoved(present: readonly string[]): void;
  /** Writes deliveries, skips and the new cursor of a group. */
  decide(decision: Decision): void;

  /** Deliveries that may start, oldest first; in an ordered group only the first pending one of each key. */
  startable(consumer: string, limit: number): Delivery[];
  /** Moves deliveries whose backoff is over to ready. Gives ms until the next one is due, or null. No wait is longer than maxBackoffMs, whatever the clock did. */
  wake(consumer: string, maxBackoffMs: number): number | null;
  /** Begins an attempt: the delivery is running. Gives the attempt's number, from 1. */
  begin(deliveryId: string, bootId: string | null): number;
  /** Notes the process group of a running attempt, so that a later daemon can end it. */
  noteGroup(deliveryId: string, number: number, groupId: number, leaderStart: string | null): void;
  /** Ends an attempt and moves its delivery on. */
  settle(deliveryId: string, number: number, end: AttemptEnd, next: Next): void;
  /** Settles deliveries that ran inside the daemon (builtins), whose only attempt is written here. */
  settleAtOnce(deliveryIds: readonly string[], end: AttemptEnd, next: Next): void;
  /** Turns a delivery that was not begun into skips of its events. */
  skip(deliveryId: string, reason: SkipReason): void;
  /** Attempts that a dead daemon left running. */
  unfinished(): Unfinished[];

  close(): void;
};

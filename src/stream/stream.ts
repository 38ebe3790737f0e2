// The stream's contract: the ordered events, and what each group (a consumer's place in the stream) has decided and done.
// Events are appended once and never change. Every verb is one transaction: it happened whole, or not at all.
// Its four parts are by who asks: intake, a group's loop, people, and the daemon's housekeeping.
import type { Event, StoredEvent } from "../event/event.ts";

export { CLUSTER_GROUP, isConsumerGroup } from "./cluster-group.ts";

/** What a delivery can be in. held, ready, running and backoff are pending; ok, findings and dead are settled. */
export type DeliveryState = "held" | "ready" | "running" | "backoff" | "ok" | "findings" | "dead";

/** Why a group decided not to deliver an event that it wanted. `expired`: it was held back longer than max_lag. */
export type SkipReason =
  | "disabled"
  | "double-firing"
  | "depth"
  | "silenced"
  | "max-age"
  | "duplicate"
  | "cooldown"
  | "file-gone"
  | "no-file"
  | "expired";

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
  /** Attempts in a row, up to now, that the daemon's own end cut off. */
  cutOffs: number;
  /** A person asked for it: past events once more. */
  replay: boolean;
};

/** A delivery that waits for quiet, as flow sees it. Times are ms since 1970, `bytes` what its events will weigh. */
export type Hold = { deliveryId: string; openedMs: number; events: number; fileBytes: number; dataBytes: number };

/** A new delivery; `hold`: it waits until dueMs and takes in more events of its key until it begins. */
export type NewDelivery = {
  key: string;
  seqs: number[];
  hold: (Omit<Hold, "deliveryId" | "events"> & { dueMs: number }) | null;
};
/** More events for a delivery that is held; none when only its due time changes. */
export type Join = Omit<Hold, "events"> & { seqs: number[]; dueMs: number };
export type NewSkip = { seq: number; key: string; reason: SkipReason };

/** `ordered`: deliveries of one key neither overlap nor overtake each other. */
export type GroupOptions = {
  start: "now" | "earliest";
  ordered: boolean;
  /** Its file was never well, so `start` is not known: the first opening without this says where it begins. */
  provisional?: boolean;
};

/** Where a group stands when its loop begins. */
export type GroupPlace = { cursor: number; paused: boolean };

/** What a group made of the events up to `cursor`. */
export type Decision = {
  consumer: string;
  ordered: boolean;
  cursor: number;
  deliveries: NewDelivery[];
  joins: Join[];
  skips: NewSkip[];
  /** Per key, the event's own time of the last event that was accepted: what dedup compares with. */
  accepted: { key: string; timeMs: number }[];
};

/** How an attempt ended, as it is kept. `counts`: whether it counts toward retry.max; false: the daemon's own end cut it off. */
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

/** What is written along with an outcome: whether the key begins to cool down, and the daemon's own events about it. */
export type Aftermath = { cools: boolean; events: readonly Event[] };

/** An attempt that was running when its daemon ended. */
export type Unfinished = {
  deliveryId: string;
  consumer: string;
  key: string;
  /** Events of its delivery, ascending. */
  seqs: number[];
  number: number;
  /** Of its delivery: attempts in a row that were cut off before this one. */
  cutOffs: number;
  bootId: string | null;
  groupId: number | null;
  leaderStart: string | null;
};

/** Attempts of a group that began within its rate's window, and when the oldest of them did. */
export type Starts = { count: number; oldestMs: number | null };

/**
 * In how many ms the next delivery in backoff is due, and the next held one that is not due yet; null: there is none. `anyWaits`:
 * there was one of these, due or not.
 */
export type NextDue = { anyWaits: boolean; retryInMs: number | null; holdInMs: number | null };

/** How long a retry, and a held delivery, may wait at most. */
export type LongestWaits = { retryMs: number; holdMs: number };

/** What may be let go of; null: whatever its age. Nothing that a group still has to do is ever among it. */
export type PruneLimits = { settledBeforeMs: number | null; deadBeforeMs: number | null; most: number };
/** `deliveries`: settled ones, the dead letters among them. */
export type Pruned = { events: number; deliveries: number; deadLetters: number };

/** How far the forwarder is beside its cursor. */
export type Forwarding = {
  /** NODE/LEDGER under which it forwards. */
  origin: string;
  /** The last event before it began under that name; what is older is never sent, whatever Redis loses. */
  beganSeq: number;
  /** How far Redis has confirmed that it has them. */
  knownSeq: number;
  /** Events up to here were sent before: they are marked as sent again. */
  againSeq: number;
};

/** Intake. */
export type EventLog = {
  /** Which ledger this is: 12 characters, made with it. */
  ledgerId(): string;
  /** Appends events in this order, each id once, and marks double firings. Durable against a power cut when it returns. Gives how many were new. */
  append(events: readonly Event[]): number;
  /** The largest seq given so far; 0 before the first. */
  lastSeq(): number;
  /** Events after a cursor, in order. */
  read(afterSeq: number, limit: number): StoredEvent[];
  /** The events of a delivery. */
  eventsOf(seqs: readonly number[]): StoredEvent[];
};

/** A group's loop: what it decides, what it remembers for the next decision, and its attempts. */
export type GroupLog = {
  /** Makes one transaction of all the verbs that `work` calls: what it throws undoes them all. `work` must not catch an error of theirs. */
  together<R>(work: () => R): R;
  /** Where the group stands; a new group begins after the last event (now) or before the first (earliest). */
  openGroup(consumer: string, options: GroupOptions): GroupPlace;
  /** The same of a group that is there, without opening it again. */
  placeOf(consumer: string): GroupPlace;
  /** Writes deliveries, holds, skips, marks and the new cursor of a group. */
  decide(decision: Decision): void;
  /** The event's own time of the last accepted event of a key; null: none, or too long ago to be remembered. */
  acceptedMs(consumer: string, key: string): number | null;
  /** The delivery of a key that still takes in events. */
  hold(consumer: string, key: string): Hold | null;
  /** When the key's last delivery that cools ended ok or with findings. */
  cooledMs(consumer: string, key: string): number | null;
  /** Forgets what no rule asks for any more: accepted and cooled marks older than these times, and all but the latest `most`. */
  forgetMarks(consumer: string, acceptedBeforeMs: number, cooledBeforeMs: number, most: number): void;
  /** Attempts begun within the last perMs; what a clock that was set back left in the future counts as now. */
  starts(consumer: string, perMs: number): Starts;
  /** Notes that `count` attempts begin now; forgets those that began before the last perMs. */
  noteStarts(consumer: string, count: number, perMs: number): void;
  /** Why the group's ready deliveries do not start, for those who look; null: nothing keeps them. */
  setWaiting(consumer: string, reason: "rate" | null): void;

  /** Deliveries that may start now, oldest first, held ones that are due among them where they are looked for; in an ordered group only the first pending one of each key. */
  startable(consumer: string, limit: number, look?: { withHeld: boolean }): Delivery[];
  /** Moves deliveries whose backoff is over to ready. No wait is longer from now than the longest of its kind, whatever the clock did. */
  wake(consumer: string, longest: LongestWaits): NextDue;
  /** Makes held deliveries ready: they take in no more events. */
  closeHolds(deliveryIds: readonly string[]): void;
  /** Begins an attempt: the delivery is running. Gives the attempt's number, from 1. */
  begin(deliveryId: string, bootId: string | null): number;
  /** Notes the process group of a running attempt, so that a later daemon can end it. */
  noteGroup(deliveryId: string, number: number, groupId: number, leaderStart: string | null): void;
  /** Ends an attempt and moves its delivery on. */
  settle(deliveryId: string, number: number, end: AttemptEnd, next: Next, aftermath: Aftermath): void;
  /** Settles deliveries that ran inside the daemon (builtins), whose only attempt is written here; what expired meanwhile is gone. */
  settleAtOnce(deliveryIds: readonly string[], end: AttemptEnd, next: Next, aftermath: Aftermath): void;
  /** Turns a delivery that is not running into skips of its events. */
  skip(deliveryId: string, reason: SkipReason): void;
};

/** What people ask for. */
export type PeopleLog = {
  /** Pauses or resumes a group; false when there is none of this name. */
  setPaused(consumer: string, paused: boolean): boolean;
  /** Makes dead letters ready again, with all their tries, each next after the first pending one of its key. Gives how many were dead. */
  retryDead(deliveryIds: readonly string[]): number;
  /** Deletes dead letters. Gives how many were dead. */
  purgeDead(deliveryIds: readonly string[]): number;
  /** Past events once more, behind what waits for their keys. Gives the ids of the new deliveries. */
  replay(consumer: string, ordered: boolean, deliveries: readonly NewDelivery[]): string[];
  /** Deletes a group and all that it has: it was never there. False when there is none. */
  forget(consumer: string): boolean;
};

/** Forwarding to the cluster, beside the verbs of any group. */
export type ForwardLog = {
  /** What was noted last; null: it never began. */
  forwarding(): Forwarding | null;
  noteForwarding(forwarding: Forwarding): void;
  /** Gives the ledger another identity: it is not the one any more that Redis knows under the old one. Gives the new one. */
  renewLedgerId(): string;
  /** The node is in no cluster any more: nothing is held back for it, until its group is opened again. */
  endForwarding(): void;
};

/** What the daemon does by itself from time to time. */
export type HouseLog = {
  /** Attempts that a dead daemon left running. */
  unfinished(): Unfinished[];
  /** Marks groups that no file names any more; they hold nothing back. That of the forwarder has no file and stays. */
  markRemoved(present: readonly string[]): void;
  /** Names of groups that were marked removed before this time. */
  removedBefore(ms: number): string[];
  /** Bytes of the ledger that hold something. */
  usedBytes(): number;
  /** Bytes of the events that some group has not done yet. */
  heldBackBytes(): number;
  /** Deletes settled deliveries and events that nobody needs, oldest first, at most `most` of each. */
  prune(limits: PruneLimits): Pruned;
  /** Skips what a group has not decided on or not begun, of events older than this time (null: whatever their age), at most `most`, the oldest of each state first. Gives how many events. */
  expire(consumer: string, beforeMs: number | null, most: number): number;
  /** Names of all groups that are not removed, the one that holds back the oldest event first. */
  groupsByPlace(): string[];
  close(): void;
};

/** The writing half. One process holds it (one home, one ledger, one daemon). Times are ms since 1970. */
export type Stream = EventLog & GroupLog & PeopleLog & ForwardLog & HouseLog;

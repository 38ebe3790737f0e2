// What a group's loop is given by the daemon around it: the ledger, slots, clocks, and whom to tell.
import type { AttemptResult } from "../attempt/outcome.ts";
import type { Plan, PlanContext } from "../attempt/plan.ts";
import type { Attempt } from "../attempt/run.ts";
import type { Silencing } from "../config/project-file.ts";
import type { Event } from "../event/event.ts";
import type { OwnTrouble } from "../event/own-event.ts";
import type { Next, Stream } from "../stream/stream.ts";
import type { Slots } from "./slots.ts";
import type { Turns } from "./turns.ts";

export type Surroundings = {
  stream: Stream;
  slots: Slots;
  turns: Turns;
  /** Starts the attempt at a delivery (of several that run inside, the first). Never throws. */
  startAttempt(attempt: { deliveryId: string; plan: Plan }): Attempt;
  /** What a plan must know beyond the consumer and its events. */
  planContext(delivery: { id: string; attempt: number; replay: boolean }): PlanContext;
  /** A path without links, asked for `projects`. */
  realPath(path: string): string;
  /** Whether config.toml switches a consumer off. */
  isOff(consumer: string): boolean;
  /** What a project's own file silences; null: it has none. */
  silencingOf(project: string | null): Silencing | null;
  bootId: string | null;
  /** The leader's start time of a process, so that a later daemon can tell it from another of the same pid. */
  startTimeOf(pid: number): string | null;
  /** Wall time in ms since 1970. */
  now(): number;
  /** Calls back once after so many ms; what it gives calls it off. */
  later(ms: number, call: () => void): () => void;
  random(): number;
  /** Makes an event of a trouble; `about`: the last event of the delivery that it is about. */
  ownEvent(trouble: OwnTrouble, about: Event | null): Event;
  /** Told when own events were written along with an outcome: every group may have something to decide. */
  onOwnEvents(): void;
  /** Told of every outcome, for the daemon's log. */
  onOutcome(outcome: OutcomeReport): void;
  /** Whether the disk is full: nothing new is decided or begun. */
  isFull(): boolean;
  /** Told each time the ledger could not be written and it will pass. True: it may be tried again at once. */
  onTrouble(error: unknown): boolean;
  /** Told when the ledger cannot be written for another reason. */
  fail(error: unknown): void;
};

export type OutcomeReport = { consumer: string; deliveryId: string; key: string; result: AttemptResult; next: Next };

// The daemon's own events: made here with its node's name and clock, and published where no outcome carries them.
import type { Event } from "../event/event.ts";
import { makeOwnEvent, type OwnTrouble } from "../event/own-event.ts";
import { passingTrouble } from "../stream/passing-trouble.ts";
import type { Stream } from "../stream/stream.ts";

const TRY_AGAIN_MS = 1000;

export type OwnEvents = {
  /** Makes an event that somebody else writes; `about`: the last event of the delivery that it is about. */
  make(trouble: OwnTrouble, about: Event | null): Event;
  /** Puts an event about no delivery into the stream, as soon as that is possible. */
  publish(trouble: OwnTrouble): void;
  /** The same of events that are made already; one that is there stays as it is. */
  publishMade(events: readonly Event[]): void;
};

/** Makes the maker. `onPublished`: every group may have something to decide. `fail`: the ledger cannot be written for good. */
export function makeOwnEvents(deps: {
  stream: Stream;
  node: string;
  now(): number;
  later(ms: number, call: () => void): () => void;
  onPublished(): void;
  fail(error: unknown): void;
}): OwnEvents {
  const unpublished: Event[] = [];
  const make: OwnEvents["make"] = (trouble, about) =>
    makeOwnEvent(trouble, about, { id: Bun.randomUUIDv7(), node: deps.node, nowMs: deps.now() });
  const flush = () => {
    if (unpublished.length === 0) return;
    try {
      deps.stream.append(unpublished);
      unpublished.length = 0;
      deps.onPublished();
    } catch (error) {
      if (passingTrouble(error) === null) return deps.fail(error);
      deps.later(TRY_AGAIN_MS, flush);
    }
  };
  return {
    make,
    publish(trouble) {
      unpublished.push(make(trouble, null));
      flush();
    },
    publishMade(events) {
      unpublished.push(...events);
      flush();
    },
  };
}

// What the forwarder sends at once: so many events, so many bytes, and no longer at it than the daemon can spare.
import type { Event } from "../event/event.ts";
import { entryFields } from "../partition/entry.ts";
import type { Stream } from "../stream/stream.ts";
import type { Place } from "./forward-place.ts";

const MOST_EVENTS = 200;
const MOST_CHARACTERS = 1_000_000;
/** After so many ms it is enough: looking through large events for secrets takes its time. */
const MOST_MS = 10;

/** `throughSeq`: the last event that was looked at, `throughId` its id; null: there is nothing after `afterSeq`. */
export type Batch = {
  afterSeq: number;
  throughSeq: number;
  throughId: string | null;
  entries: string[][];
  /** Events that were looked at, wanted or not. */
  looked: number;
  /** Whether it is what comes next there. */
  isAfter(place: BatchPlace): boolean;
};

type BatchPlace = Pick<Place, "origin" | "againSeq" | "fromSeq">;

export type BatchDeps = {
  stream: Pick<Stream, "read">;
  wants(event: Event): boolean;
  outgoing(event: Event): Event;
  settings: { cap: number };
};

/** Makes the batch of what comes after a seq. One event that is larger than a batch may be goes alone. */
export function makeBatch(
  { stream, wants, outgoing, settings }: BatchDeps,
  afterSeq: number,
  place: BatchPlace,
): Batch {
  const { origin, againSeq } = place;
  const entries: string[][] = [];
  let throughSeq = afterSeq;
  let throughId: string | null = null;
  let looked = 0;
  let size = 0;
  const beganMs = performance.now();
  // A cap that is as small as a batch must not keep a whole batch out for ever.
  for (const event of stream.read(afterSeq, Math.min(MOST_EVENTS, Math.max(1, Math.floor(settings.cap / 10))))) {
    if (looked > 0 && performance.now() - beganMs > MOST_MS) break;
    if (event.duplicateOf === null && wants(event)) {
      const fields = entryFields(outgoing(event), origin, event.seq);
      if (event.seq <= againSeq) fields.push("a", "1");
      const added = fields.reduce((sum, field) => sum + field.length, 0);
      if (entries.length > 0 && size + added > MOST_CHARACTERS) break;
      // Where what is sent again ends: entries of one call have the same fields.
      if (entries[0] !== undefined && fields.length !== entries[0].length) break;
      entries.push(fields);
      size += added;
    }
    throughSeq = event.seq;
    throughId = event.id;
    looked++;
  }
  return {
    afterSeq,
    throughSeq,
    throughId,
    entries,
    looked,
    isAfter: (now) => now.origin === origin && now.againSeq === againSeq && now.fromSeq() === afterSeq,
  };
}

// Whether what was published is what is in the stream, event by event, counted from both sides.
import { pathsOf } from "../config/paths.ts";
import type { StoredEvent } from "../event/event.ts";
import { type Inspection, openInspection } from "../ledger/inspect.ts";

/** acknowledged: publish ended well. arrived: of these, found. foreign: found and never published, or found once more. */
export type Counted = { acknowledged: number; arrived: number; missing: number; foreign: number };

/** Compares the ids that were acknowledged, each once, with those that are there. */
export function countById(acknowledged: readonly string[], found: Iterable<string>): Counted {
  const missing = new Set(acknowledged);
  let foreign = 0;
  for (const id of found) if (!missing.delete(id)) foreign++;
  return {
    acknowledged: acknowledged.length,
    arrived: acknowledged.length - missing.size,
    missing: missing.size,
    foreign,
  };
}

/** The events of a stream behind a seq, in order. */
export function eventsAfter(inspection: Inspection, seq: number): Generator<StoredEvent> {
  return inspection.events({ afterSeq: seq, throughSeq: null, sinceMs: null, session: null, wants: () => true });
}

/** The ids of all events of a stream, in order. */
export function* idsIn(inspection: Inspection): Generator<string> {
  for (const { id } of eventsAfter(inspection, 0)) yield id;
}

/** The ledger of a home, for looking beside its daemon. Throws where there is none. */
export function inspectHome(home: string): Inspection {
  const inspection = openInspection(pathsOf(home).ledger);
  if (inspection === null) throw new Error(`no ledger in ${home}`);
  return inspection;
}

/** Whether so many groups have decided on every event in the stream and settled all that came of it. */
export function isAllSettled(inspection: Inspection, groups: number): boolean {
  const states = inspection.groups(Date.now());
  return states.length === groups && states.every(({ lag, pending }) => lag + pending === 0);
}

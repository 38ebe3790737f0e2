// What Redis was told and has not confirmed, and which fields it may have. Pure.
//
// A commit that failed may have been carried out all the same. So all that it said is said again by the next one, and that one
// names every commit that Redis may have seen last.
import type { Event } from "../event/event.ts";
import type { Changes } from "./changes.ts";
import type { Collected } from "./collect.ts";

export type Unconfirmed = ReturnType<typeof makeUnconfirmed>;

/** Begins with the fields that Redis has. */
export function makeUnconfirmed(fields: Iterable<string>) {
  let inRedis = new Set(fields);
  let set = new Map<string, string>();
  let del = new Set<string>();
  let outcomes: string[] = [];
  let told = 0;
  // A lease that was taken just now has seen no commit.
  let after = [""];
  let sent: { id: string; ownEvents: Event[] } | null = null;

  const add = (collected: Collected) => {
    for (const [field, text] of collected.set) {
      set.set(field, text);
      del.delete(field);
      inRedis.add(field);
    }
    for (const field of collected.gone) {
      set.delete(field);
      if (inRedis.delete(field)) del.add(field);
    }
    outcomes.push(...collected.outcomes);
  };

  const send = (ownEvents: Event[], full: boolean): Changes => {
    if (sent !== null) throw new Error("the changes before these are neither confirmed nor failed");
    const id = crypto.randomUUID();
    sent = { id, ownEvents };
    return { id, after, set: [...set], del: [...del], outcomes: [...outcomes], outcomesBefore: told, ownEvents, full };
  };

  return {
    has: (field: string) => inRedis.has(field),
    /** What there is to say now; null: nothing. */
    changes(collected: Collected): Changes | null {
      add(collected);
      return set.size + del.size + outcomes.length === 0 ? null : send(collected.ownEvents, false);
    },
    /** Everything there is; Redis has nothing else afterwards. */
    snapshot(collected: Collected): Changes {
      inRedis = new Set();
      set = new Map();
      add(collected);
      del = new Set();
      return send(collected.ownEvents, true);
    },
    /** Redis has what was sent. Gives the daemon's own events of it: they need not be told again. */
    confirm(): Event[] {
      if (sent === null) return [];
      const { id, ownEvents } = sent;
      after = [id];
      set = new Map();
      del = new Set();
      told += outcomes.length;
      outcomes = [];
      sent = null;
      return ownEvents;
    },
    /** Nobody knows whether Redis has it. */
    fail() {
      if (sent !== null) after = [...after, sent.id];
      sent = null;
    },
    /** A field that is to go with the next changes. */
    remove(field: string) {
      if (inRedis.delete(field)) del.add(field);
    },
  };
}

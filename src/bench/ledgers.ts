// The ledger of a scratch home, filled and looked into by this process instead of through the daemon. Types only: this room knows
// no ledger, scripts/bench-ledger.ts hands one in.
import type { Event } from "../event/event.ts";

/** What a ledger begins with. Groups are in the order of nothing and take unordered deliveries, as builtins do. */
export type Filling = {
  groups: readonly string[];
  /** Paused groups stand before the first event, others behind the last. */
  arePaused: boolean;
  /** Events in order, many at once: each list is one transaction. */
  batches: Iterable<readonly Event[]>;
  /** Of so many events one was delivered, once for each group that is not paused, and ended ok. */
  deliveredOneOf: number;
};

export type Ledgers = {
  /** Makes and fills the ledger of a home that no daemon holds. */
  fill(home: string, filling: Filling): void;
  /** Opens the ledger of a home beside its daemon. */
  look(home: string): Look;
};

export type Look = {
  /** Deliveries that ended ok, of all groups. */
  settled(): number;
  close(): void;
};

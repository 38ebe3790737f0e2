// The verbs of a ledger that the model need not hear of. They are named one by one, so that a new verb is a type error until
// somebody has decided whether the model follows it; a verb that changes what the model holds must not be here.
import type { Stream } from "../../src/stream/stream.ts";

/** Verbs that only read. */
type Reading =
  | "ledgerId"
  | "forwarding"
  | "lastSeq"
  | "read"
  | "eventsOf"
  | "placeOf"
  | "acceptedMs"
  | "hold"
  | "cooledMs"
  | "startable"
  | "unfinished"
  | "removedBefore"
  | "usedBytes"
  | "heldBackBytes"
  | "groupsByPlace";

/** Verbs whose writing is for those who look, or for a clock, a process or a cluster that a model test does not have. */
type Aside = "starts" | "setWaiting" | "noteGroup" | "close" | "noteForwarding" | "renewLedgerId" | "endForwarding";

export type Unwatched = Pick<Stream, Reading | Aside>;

// What people ask of the owner of a partition, and what they are told: the texts in its list and under the answer's key. Types only.
import type { StoredEvent } from "../event/event.ts";
import type { GroupState } from "../ledger/group-state.ts";
import type { NewDelivery } from "../stream/stream.ts";

/** What a person asks of one partition of a consumer. `deliveries` of retry-dead and purge-dead: whole ids. */
export type Request =
  | { kind: "pause" | "resume" }
  | { kind: "retry-dead" | "purge-dead"; deliveries: readonly string[] }
  /** `events`: all that the new deliveries name. */
  | { kind: "replay"; ordered: boolean; events: readonly StoredEvent[]; deliveries: readonly NewDelivery[] };

/** As it lies in the list. `askedMs`: wall time of who asked, for those who look. */
export type AskedRequest = { id: string; askedMs: number; request: Request };

/**
 * What came of a request. `group`: where the partition stood before it. `count`: dead letters that were dead still. `ids`: of new
 * deliveries. `repeated`: an owner that is gone had carried it out before it could say so, so the figures are not known.
 */
export type RequestAnswer =
  | { kind: "done"; group: GroupState | null; count: number; ids: string[]; repeated: boolean }
  | { kind: "refused"; why: string };

/** One partition of a consumer. */
export type Place = { consumer: string; partition: number };

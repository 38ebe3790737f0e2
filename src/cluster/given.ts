// What a node's part in the cluster is given by the daemon around it: connections, its name, clocks, and whom to tell. Types only.
import type { Surroundings } from "../dispatch/surroundings.ts";
import type { Event } from "../event/event.ts";
import type { Keys } from "../partition/keys.ts";
import type { Redact } from "../redact/redact.ts";
import type { Connection } from "../redis/connection.ts";
import type { Tail } from "../relay/tail.ts";
import type { Stream } from "../stream/stream.ts";
import type { NodeRecord, View } from "./nodes.ts";

export type ClusterDeps = {
  connection: Connection;
  keys: Keys;
  me: Pick<NodeRecord, "name" | "instance" | "version" | "startedMs">;
  /** The identity of its ledger, which may get another one. */
  ledgerId(): string;
  leaseMs: number;
  surroundings: Surroundings;
  /** What attempts said goes to Redis through this. */
  redact: Redact;
  tail: Tail;
  /** What is forwarded from here, and what the node's own consumers have to do, for the others to see. */
  forward(): NodeRecord["forward"];
  local(): NodeRecord["local"];
  publishOwn(events: readonly Event[]): void;
  /** Makes ready what a dead owner left running; gives how much that was. */
  recover(stream: Stream): Promise<number>;
  steadyNow(): number;
  log(line: string): void;
  /** Told at each round in which this node takes part; the first one begins forwarding. */
  onJoined(view: View): void;
};

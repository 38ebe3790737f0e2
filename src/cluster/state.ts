// What a daemon says of its part in the cluster, over its control socket: what looking at Redis cannot tell. Types only.

/** A partition that this node owns. */
export type OwnedState = {
  consumer: string;
  partition: number;
  lag: number;
  pending: number;
  held: number;
  dead: number;
};

/**
 * The daemon's side of the cluster. `trouble`: why it cannot take part now (Redis unreachable, refused, this node's name taken); null:
 * it does. `troubleMs`: for how long. `forward`: events on their way to Redis, `oldestMs` the age of the oldest of them, `isFull`:
 * Redis holds `cap` events and takes no more. `nodes`: how many are alive, this one included.
 */
export type ClusterState = {
  trouble: string | null;
  troubleMs?: number | null;
  /** Whether the trouble is that another live node goes by this node's name. */
  isNameTaken?: boolean;
  forward: { lag: number; oldestMs: number | null; trouble: string | null; isFull: boolean };
  owned: OwnedState[];
  nodes: number;
};

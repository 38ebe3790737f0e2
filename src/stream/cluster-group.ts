// The one group of a ledger that is no consumer's: the forwarder's (cluster/forward.ts). It has a cursor and holds events back as
// any group does, and is not shown among consumers.

/** Its name, which no consumer can have. */
export const CLUSTER_GROUP = "@cluster";

/** Whether a group is a consumer's, and not the one that the daemon has for itself. */
export function isConsumerGroup(name: string): boolean {
  return name !== CLUSTER_GROUP;
}

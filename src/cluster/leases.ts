// The leases of partitions, for those who only look at them: who owns what, until when by Redis's clock, and when a partition is
// free to be taken.
import { type Keys, partitionKeys } from "../partition/keys.ts";
import type { Connection } from "../redis/connection.ts";
import { script } from "../redis/script.ts";
import type { View } from "./nodes.ts";

/** Until is 0 where it was given back. */
export type Lease = { node: string; instance: string; epoch: number; untilMs: number };

const LEASES = script(
  "leases",
  `
local found = {}
for at, key in ipairs(KEYS) do found[at] = redis.call('HMGET', key, 'node', 'instance', 'epoch', 'untilMs') end
return found
`,
);

/** The leases of these partitions, in the same order; null: nobody has had it yet. */
export async function readLeases(
  connection: Connection,
  keys: Keys,
  places: readonly { consumer: string; partition: number }[],
): Promise<(Lease | null)[]> {
  if (places.length === 0) return [];
  const all = places.map(({ consumer, partition }) => partitionKeys(keys, consumer, partition).lease);
  const found = (await connection.run(LEASES, all, [])) as (string | null)[][];
  return found.map(([node, instance, epoch, untilMs]) =>
    node == null || instance == null ? null : { node, instance, epoch: Number(epoch), untilMs: Number(untilMs) },
  );
}

/** How long after its end a lease is left to its owner, in ms. */
export function graceOf(leaseMs: number): number {
  return leaseMs / 2;
}

/** What decides whether a partition is free: `upForMs`: for how long this node sees Redis without a break. */
export type Seeing = { me: string; view: Pick<View, "nowMs" | "lossMs">; leaseMs: number; upForMs: number };

/**
 * Whose a partition is that this node does not have; null: it is free. One whose owner is gone is free a while after its lease: who was
 * only cut off, or waited for Redis as we did, comes first. The same where Redis has lost data a moment ago: who owned it tells it again.
 */
export function ownerOf(lease: Lease | null, { me, view, leaseMs, upForMs }: Seeing): string | null {
  const graceMs = graceOf(leaseMs);
  if (lease === null) {
    const isLost = view.lossMs !== null && view.nowMs - view.lossMs < leaseMs + graceMs;
    return isLost ? "unknown" : null;
  }
  // An earlier run of this node: it holds the home alone, so the other one is gone.
  if (lease.untilMs === 0 || lease.node === me) return null;
  return view.nowMs > lease.untilMs + graceMs && upForMs > graceMs ? null : lease.node;
}

// The consumers that the cluster has: each begins once, keeps its partitions, and goes by the version of its file that most live
// nodes have. One whose file no live node has is forgotten after a week, as on one machine.
import type { Consumer } from "../config/schema.ts";
import type { Keys } from "../partition/keys.ts";
import type { Connection } from "../redis/connection.ts";
import { forgetConsumer } from "./forget.ts";
import { beginGroup, changeGroup, type GroupRecord, type NodeRecord, type View } from "./nodes.ts";
import { hashInUse } from "./shares.ts";

const FORGET_AFTER_MS = 7 * 86_400_000;

/** What a node offers to run, with the hash of each: nothing while its disk is full, so that others go on with what it has. Pure. */
export function offered(consumers: Iterable<Consumer>, isFull: boolean): Record<string, string> {
  return isFull ? {} : Object.fromEntries(Array.from(consumers, ({ name, hash }) => [name, hash]));
}

/** Brings what the cluster has into line with what the live nodes have, and gives it. `mine`: the consumers of this node. */
export async function followGroups(
  connection: Connection,
  keys: Keys,
  view: View,
  nodes: readonly NodeRecord[],
  mine: readonly Consumer[],
  log: (line: string) => void,
): Promise<Map<string, GroupRecord>> {
  const groups = new Map(view.groups);
  for (const { name, hash, partitions } of mine) {
    if (groups.has(name)) continue;
    const record = { partitions, hash, beganMs: view.nowMs, beganSeq: view.lastSeq, goneMs: null };
    const begun = await beginGroup(connection, keys, name, record);
    // What is no record is shown by `status`; a person takes it away: offhook forget NAME.
    if (begun !== null) groups.set(name, begun);
  }
  for (const [name, before] of groups) {
    const after = groupNow(before, hashInUse(name, nodes, before.hash), view.nowMs);
    if (after === null) {
      const { kind } = await forgetConsumer(connection, keys, name, before.partitions);
      if (kind !== "forgotten") continue;
      groups.delete(name);
      log(`${name}: forgotten by the cluster, no node has its file for a week`);
    } else if (after !== before) {
      groups.set(name, after);
      await changeGroup(connection, keys, name, before, after);
    }
  }
  return groups;
}

/** The record as it should be; null: it is to be forgotten. Pure. `hash`: the version in use, null: no live node has the file. */
export function groupNow(before: GroupRecord, hash: string | null, nowMs: number): GroupRecord | null {
  if (hash !== null) return hash === before.hash && before.goneMs === null ? before : { ...before, hash, goneMs: null };
  if (before.goneMs === null) return { ...before, goneMs: nowMs };
  return nowMs - before.goneMs > FORGET_AFTER_MS ? null : before;
}

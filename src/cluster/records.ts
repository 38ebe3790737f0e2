// The records of nodes and consumers as they lie in Redis, read with care: every node writes there, also one that is older, newer or
// not ours. What is no record is left out, and its name told: names stand in commands that people are told to type. Pure.

import { isConsumerName } from "../config/values.ts";
import type { GroupRecord, NodeRecord } from "./nodes.ts";

/** As config.toml has to write it (config/node.ts). */
const NODE_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** As many as a consumer file may ask for (config/schema.ts): a larger number is nobody's. */
const MOST_PARTITIONS = 64;
/** The last moment of a JavaScript Date, in ms. */
const LAST_MS = 8.64e15;

/** `unreadable`: the names of those that are none. */
export type Records<T> = { records: Map<string, T>; unreadable: string[] };

/** The nodes of a hash, by their names. */
export function nodeRecords(texts: ReadonlyMap<string, string>): Records<NodeRecord> {
  return readAll(texts, (found, name) => isNode(found) && found.name === name && NODE_NAME.test(name));
}

/** The consumers of a hash, by their names. */
export function groupRecords(texts: ReadonlyMap<string, string>): Records<GroupRecord> {
  return readAll(texts, (found, name) => isGroup(found) && isConsumerName(name));
}

type Fields = Record<string, unknown>;

function readAll<T>(texts: ReadonlyMap<string, string>, isOne: (found: Fields, name: string) => boolean): Records<T> {
  const result: Records<T> = { records: new Map(), unreadable: [] };
  for (const [name, text] of texts) {
    const found = fieldsOf(text);
    if (found !== null && isOne(found, name)) result.records.set(name, found as T);
    else result.unreadable.push(name);
  }
  return result;
}

function fieldsOf(text: string): Fields | null {
  try {
    const found: unknown = JSON.parse(text);
    return isFields(found) ? found : null;
  } catch {
    return null; // No JSON, or too deep: no record in any case.
  }
}

function isNode({ name, ledger, instance, version, seenMs, startedMs, silentAfterMs, ...rest }: Fields): boolean {
  const { consumers, forward, local, owned } = rest;
  return (
    [name, ledger, instance, version].every((value) => typeof value === "string") &&
    [seenMs, startedMs, silentAfterMs].every(isTime) &&
    isFields(consumers) &&
    Object.values(consumers).every((value) => typeof value === "string") &&
    isFields(forward) &&
    isCount(forward.lag) &&
    (forward.trouble === null || typeof forward.trouble === "string") &&
    isFields(local) &&
    [local.lag, local.pending, local.dead].every(isCount) &&
    isFields(owned) &&
    Object.values(owned).every((value) => isFields(value) && isCount(value.lag))
  );
}

function isGroup({ partitions, hash, beganMs, beganSeq, goneMs }: Fields): boolean {
  return (
    isCount(partitions) &&
    partitions >= 1 &&
    partitions <= MOST_PARTITIONS &&
    typeof hash === "string" &&
    isTime(beganMs) &&
    isCount(beganSeq) &&
    (goneMs === null || isTime(goneMs))
  );
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= LAST_MS;
}

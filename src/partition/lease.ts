// Who owns a partition, and its state in Redis. An owner writes only as long as nobody has taken the partition since: each commit
// carries the epoch of its lease, and Redis refuses an older one. All or nothing: one script, whatever it writes.
//
// A commit whose reply was lost may be sent again, or be followed by a larger one: Redis knows the last by its id.
import type { Connection } from "../redis/connection.ts";
import { pairsOf } from "../redis/replies.ts";
import { RedisTrouble } from "../redis/trouble.ts";
import type { Changes, PartitionRows } from "./changes.ts";
import type { PartitionKeys } from "./keys.ts";
import { COMMIT, DRAFT, PEEK, RELEASE, TAKE } from "./lease-scripts.ts";

/** What one call carries at most, as text; one row that is larger goes alone. */
const CALL_BYTES = 1_000_000;
/** Settled deliveries of a consumer that are kept for looking, about. */
const OUTCOMES = 1_000;
/** How often a draft that was swept away is put together anew. */
const DRAFTS = 3;

/** Who takes, and under which epoch. `instance`: a run of a daemon; two of them never have the same. */
export type Holder = { node: string; instance: string; epoch: number };

export type Taken =
  /** `rows`: null where there are none yet. `lossMs`: when Redis was last found to have lost data, by its clock; null: never. */
  | { kind: "taken"; epoch: number; version: number; rows: PartitionRows | null; lossMs: number | null }
  | { kind: "held"; node: string; untilInMs: number };

/**
 * Takes a partition whose lease was given back or ran out `graceMs` ago, or that this node has already. Errors: RedisTrouble; after
 * one that leaves open whether it was carried out, taking it again is right.
 */
export async function take(
  connection: Connection,
  keys: PartitionKeys,
  { node, instance, leaseMs, graceMs }: { node: string; instance: string; leaseMs: number; graceMs: number },
): Promise<Taken> {
  const reply = (await connection.run(TAKE, [keys.lease, keys.meta], [node, instance, leaseMs, graceMs])) as
    | ["held", string, number]
    | ["taken", number, number, string | null];
  if (reply[0] === "held") return { kind: "held", node: reply[1], untilInMs: reply[2] };
  // Nobody else writes them from now on: to be read after it, not with it, keeps a large state out of the script.
  const rows = await loadRows(connection, keys);
  return { kind: "taken", epoch: reply[1], version: reply[2], rows, lossMs: timeOf(reply[3]) };
}

/** All rows of a partition as of one moment; null where there are none. */
export async function loadRows(connection: Connection, keys: PartitionKeys): Promise<PartitionRows | null> {
  const rows = pairsOf(await connection.send("HGETALL", [keys.part]));
  return rows.size === 0 ? null : rows;
}

/** `lost`: somebody else has it. `behind`: Redis has lost what it was told: commit a snapshot. */
export type Committed = { kind: "ok"; version: number; lossMs: number | null } | { kind: "lost" } | { kind: "behind" };

/** Writes changes (null: none) and renews the lease. `versionBefore`: of the last commit that was confirmed, or of the take. Errors: RedisTrouble. */
export async function commit(
  connection: Connection,
  keys: PartitionKeys,
  its: Holder & { leaseMs: number; versionBefore: number; changes: Changes | null },
): Promise<Committed> {
  const { node, instance, epoch, leaseMs, versionBefore, changes } = its;
  for (let tries = 0; tries < DRAFTS; tries++) {
    const set = changes?.set ?? [];
    const isDrafted = set.reduce((sum, row) => sum + sizeOf(row), 0) > CALL_BYTES;
    if (isDrafted) {
      const drafted = await draft(connection, keys, its, changes?.id ?? "");
      if (drafted === "lost") return { kind: "lost" };
      if (drafted === "draft") continue;
    }
    const { id = "", full = false, after = [], outcomes = [], outcomesBefore = 0, del = [] } = changes ?? {};
    const rest = isDrafted ? [] : set;
    const reply = (await connection.run(
      COMMIT,
      [keys.lease, keys.part, keys.draft, keys.outcomes, keys.meta],
      [
        node,
        instance,
        epoch,
        leaseMs,
        versionBefore,
        id,
        full ? 1 : 0,
        isDrafted ? set.length : 0,
        outcomesBefore,
        OUTCOMES,
      ].concat([after.length, outcomes.length, del.length, rest.length], after, outcomes, del, rest.flat()),
    )) as ["ok", number, string | null] | ["lost"] | ["behind"] | ["draft"];
    if (reply[0] === "draft") continue;
    return reply[0] === "ok" ? { kind: "ok", version: reply[1], lossMs: timeOf(reply[2]) } : { kind: reply[0] };
  }
  throw new RedisTrouble("unreachable", "a large commit was swept away while it was put together");
}

/** Puts the rows of a large commit together in Redis, a bounded call each. */
async function draft(
  connection: Connection,
  keys: PartitionKeys,
  { instance, epoch, versionBefore, changes }: Holder & { versionBefore: number; changes: Changes | null },
  id: string,
): Promise<"ok" | "lost" | "draft"> {
  let isFirst = true;
  for (const rows of pieces(changes?.set ?? [])) {
    const fence = [instance, epoch, versionBefore, id, isFirst ? 1 : 0];
    const reply = (await connection.run(DRAFT, [keys.lease, keys.draft], [...fence, ...rows.flat()])) as
      | "ok"
      | "lost"
      | "draft";
    if (reply !== "ok") return reply;
    isFirst = false;
  }
  return "ok";
}

/** Gives a partition back, so that another may take it at once. False: it was not ours any more. Errors: RedisTrouble. */
export async function release(
  connection: Connection,
  keys: PartitionKeys,
  { instance, epoch }: Holder,
): Promise<boolean> {
  return (await connection.run(RELEASE, [keys.lease], [instance, epoch])) === 1;
}

/** A lease as it stands; `untilInMs` is below zero where it ran out or was given back. */
export type LeaseView = Holder & { untilInMs: number; version: number };

/** Looks at a lease; null: nobody ever had it. Errors: RedisTrouble. */
export async function peek(connection: Connection, keys: PartitionKeys): Promise<LeaseView | null> {
  const reply = (await connection.run(PEEK, [keys.lease], [])) as [string, string, number, number, number] | null;
  if (reply === null) return null;
  const [node, instance, epoch, untilInMs, version] = reply;
  return { node, instance, epoch, untilInMs, version };
}

function* pieces(rows: readonly [string, string][]): Generator<[string, string][]> {
  let piece: [string, string][] = [];
  let bytes = 0;
  for (const row of rows) {
    if (piece.length > 0 && bytes + sizeOf(row) > CALL_BYTES) {
      yield piece;
      piece = [];
      bytes = 0;
    }
    piece.push(row);
    bytes += sizeOf(row);
  }
  if (piece.length > 0) yield piece;
}

function sizeOf([field, value]: readonly [string, string]): number {
  return field.length + value.length;
}

function timeOf(text: string | null): number | null {
  return text === null ? null : Number(text);
}

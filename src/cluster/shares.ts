// Which partitions a node takes and which it lets go of. Pure: every node reckons it from what all of them can see, so that they
// agree without asking each other; the lease in Redis decides where two think alike at once.
//
// A partition goes to the node that has the fewest of the same consumer, then the fewest of all. A partition stays where it is
// until moving it makes things more even, so nothing moves to and fro.

/** Which partition of a consumer a key belongs to, from 0. The same on every machine: xxHash32 of its UTF-8 bytes. */
export function partitionOf(key: string, partitions: number): number {
  return partitions === 1 ? 0 : Bun.hash.xxHash32(key) % partitions;
}

/** A live node, and the content hash of each cluster consumer that it could run. */
export type LiveNode = { name: string; consumers: Readonly<Record<string, string>> };

/** One partition of a consumer; `owner`: the node whose lease holds, null: it is free. */
export type Share = { consumer: string; partition: number; owner: string | null };

/**
 * The content hash of a consumer's file that counts: what most live nodes have; at a tie the one in use, else the smaller one. Null:
 * no live node has the file.
 */
export function hashInUse(consumer: string, nodes: readonly LiveNode[], before: string | null): string | null {
  const votes = new Map<string, number>();
  for (const { consumers } of nodes) {
    const hash = Object.hasOwn(consumers, consumer) ? consumers[consumer] : undefined;
    if (hash !== undefined) votes.set(hash, (votes.get(hash) ?? 0) + 1);
  }
  const most = Math.max(0, ...votes.values());
  const first = [...votes].filter(([, count]) => count === most).map(([hash]) => hash);
  if (first.length === 0) return null;
  return before !== null && first.includes(before) ? before : (first.sort()[0] ?? null);
}

export type Shares = { take: Share[]; letGo: Share[] };

/**
 * What the node `me` should take and let go of. `hashes`: the hash in use of each consumer; a node without that very file may not own
 * it. Free shares are handed out in order, each to one node; what others are to take is theirs.
 */
export function sharesOf(
  me: string,
  nodes: readonly LiveNode[],
  shares: readonly Share[],
  hashes: Readonly<Record<string, string | null>>,
): Shares {
  const may = (node: LiveNode, consumer: string) => {
    const hash = hashes[consumer] ?? null;
    return hash !== null && node.consumers[consumer] === hash;
  };
  const counts = countsOf(shares);
  const result: Shares = { take: [], letGo: [] };
  for (const share of shares) {
    if (share.owner !== null) continue;
    const able = nodes.filter((node) => may(node, share.consumer));
    const chosen = leastBurdened(able, share, counts);
    if (chosen === null) continue;
    counts.add(chosen, share.consumer, 1);
    if (chosen === me) result.take.push(share);
  }
  for (const share of shares) {
    if (share.owner !== me) continue;
    const able = nodes.filter((node) => may(node, share.consumer));
    if (!able.some((node) => node.name === me)) {
      result.letGo.push(share);
      counts.add(me, share.consumer, -1);
      continue;
    }
    const other = leastBurdened(
      able.filter((node) => node.name !== me),
      share,
      counts,
    );
    if (other === null || !isMoreEven(me, other, share.consumer, counts)) continue;
    counts.add(me, share.consumer, -1);
    counts.add(other, share.consumer, 1);
    result.letGo.push(share);
  }
  return result;
}

type Counts = {
  of(node: string, consumer: string): number;
  all(node: string): number;
  add(node: string, consumer: string, by: number): void;
};

function countsOf(shares: readonly Share[]): Counts {
  const counts = new Map<string, number>();
  const total = new Map<string, number>();
  const add = (node: string, consumer: string, by: number) => {
    counts.set(`${node} ${consumer}`, (counts.get(`${node} ${consumer}`) ?? 0) + by);
    total.set(node, (total.get(node) ?? 0) + by);
  };
  for (const { owner, consumer } of shares) if (owner !== null) add(owner, consumer, 1);
  return {
    of: (node, consumer) => counts.get(`${node} ${consumer}`) ?? 0,
    all: (node) => total.get(node) ?? 0,
    add,
  };
}

/** Ties go by a hash of node and share, so that not always the same node is first. */
function leastBurdened(able: readonly LiveNode[], { consumer, partition }: Share, counts: Counts): string | null {
  let best: { name: string; rank: [number, number, number] } | null = null;
  for (const { name } of able) {
    const tie = Bun.hash.xxHash32(`${name} ${consumer}/${partition}`);
    const rank: [number, number, number] = [counts.of(name, consumer), counts.all(name), tie];
    if (best === null || isBefore(rank, best.rank)) best = { name, rank };
  }
  return best?.name ?? null;
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  for (const [at, value] of a.entries()) {
    const other = b[at] ?? 0;
    if (value !== other) return value < other;
  }
  return false;
}

/** Whether moving one partition of a consumer makes that consumer, or without unevening it the whole, more even. */
function isMoreEven(from: string, to: string, consumer: string, counts: Counts): boolean {
  const difference = counts.of(from, consumer) - counts.of(to, consumer);
  return difference >= 2 || (difference === 1 && counts.all(from) - counts.all(to) >= 2);
}

// Who owns which partition: even, agreed on by all nodes without a word, and at rest when nothing changes.
import { describe, expect, test } from "bun:test";
import { hashInUse, type LiveNode, partitionOf, type Share, sharesOf } from "../src/cluster/shares.ts";

const node = (name: string, consumers: Record<string, string>): LiveNode => ({ name, consumers });
const sharesFor = (consumer: string, count: number): Share[] =>
  Array.from({ length: count }, (_, partition) => ({ consumer, partition, owner: null }));

/** Rounds in which the nodes act one after the other, or (atOnce) all on the same view, until nobody moves; gives how many rounds. */
function settle(nodes: LiveNode[], shares: Share[], hashes: Record<string, string>, atOnce: boolean): number {
  for (let round = 1; round <= 50; round++) {
    let moved = false;
    const seen = shares.map((share) => ({ ...share }));
    for (const { name } of nodes) {
      const { take, letGo } = sharesOf(name, nodes, atOnce ? seen : shares, hashes);
      for (const one of take) {
        const share = shares.find((other) => other.consumer === one.consumer && other.partition === one.partition)!;
        if (share.owner === null) share.owner = name;
        moved = true;
      }
      for (const one of letGo) {
        const share = shares.find((other) => other.consumer === one.consumer && other.partition === one.partition)!;
        if (share.owner === name) share.owner = null;
        moved = true;
      }
    }
    if (!moved) return round;
  }
  throw new Error("they never come to rest");
}

const ownedBy = (shares: Share[], name: string, consumer?: string) =>
  shares.filter((share) => share.owner === name && (consumer === undefined || share.consumer === consumer)).length;

describe("partitionOf", () => {
  test("gives the same partition for a key everywhere, and spreads keys", () => {
    expect(partitionOf("a:/p/x.py", 8)).toBe(partitionOf("a:/p/x.py", 8));
    // xxHash32 of "abc" with seed 0, by the reference implementation: 0x32d153ff.
    expect(partitionOf("abc", 1_000_003)).toBe(0x32d153ff % 1_000_003);
    const counts = new Array<number>(8).fill(0);
    for (let at = 0; at < 8000; at++) counts[partitionOf(`/p/file-${at}.py`, 8)]! += 1;
    for (const count of counts) expect(count).toBeGreaterThan(800);
  });
});

describe("hashInUse", () => {
  const four = (a: string, b: string, c: string, d: string) =>
    [a, b, c, d].map((hash, at) => node(`n${at}`, { alerts: hash }));
  test("is what most nodes have", () => expect(hashInUse("alerts", four("x", "y", "y", "y"), "x")).toBe("y"));
  test("stays at a tie", () => expect(hashInUse("alerts", four("x", "x", "y", "y"), "y")).toBe("y"));
  test("is the same for all at a tie when none is in use", () =>
    expect(hashInUse("alerts", four("y", "x", "y", "x"), null)).toBe("x"));
  test("is none when no node has the file", () => expect(hashInUse("other", four("x", "x", "x", "x"), "x")).toBeNull());
});

describe("sharesOf", () => {
  test("spreads eight partitions evenly over four nodes, whoever was first", () => {
    const nodes = ["a", "b", "c", "d"].map((name) => node(name, { slow: "h" }));
    const shares = sharesFor("slow", 8);
    settle(nodes.slice(0, 1), shares, { slow: "h" }, false);
    expect(ownedBy(shares, "a")).toBe(8);
    settle(nodes, shares, { slow: "h" }, false);
    for (const { name } of nodes) expect(ownedBy(shares, name)).toBe(2);
  });

  test("gives what a dead node had to the others, and moves nothing else", () => {
    const nodes = ["a", "b", "c"].map((name) => node(name, { slow: "h" }));
    const shares = sharesFor("slow", 6);
    settle(nodes, shares, { slow: "h" }, true);
    const before = shares.map((share) => share.owner);
    for (const share of shares) if (share.owner === "c") share.owner = null;
    settle(nodes.slice(0, 2), shares, { slow: "h" }, true);
    for (const [at, share] of shares.entries()) if (before[at] !== "c") expect(share.owner).toBe(before[at]!);
    expect([ownedBy(shares, "a"), ownedBy(shares, "b")]).toEqual([3, 3]);
  });

  test("lets go of what another version of the file has made somebody else's", () => {
    const nodes = [node("a", { slow: "old" }), node("b", { slow: "new" }), node("c", { slow: "new" })];
    const shares = sharesFor("slow", 4).map((share) => ({ ...share, owner: "a" }));
    settle(nodes, shares, { slow: "new" }, true);
    expect([ownedBy(shares, "a"), ownedBy(shares, "b"), ownedBy(shares, "c")]).toEqual([0, 2, 2]);
  });

  test("owns nothing where no live node has the file", () => {
    const nodes = [node("a", {}), node("b", {})];
    expect(sharesOf("a", nodes, sharesFor("slow", 2), { slow: null })).toEqual({ take: [], letGo: [] });
  });

  test("comes to rest, even, for any nodes, consumers and places to begin", () => {
    let seed = 12345;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    for (let round = 0; round < 300; round++) {
      const consumers = Array.from({ length: 1 + random(5) }, (_, at) => `c${at}`);
      const hashes = Object.fromEntries(consumers.map((name) => [name, "h"]));
      const nodes = Array.from({ length: 1 + random(6) }, (_, at) => node(`n${at}`, hashes));
      const shares = consumers.flatMap((name) => sharesFor(name, 1 + random(9)));
      for (const share of shares) share.owner = random(3) === 0 ? null : `n${random(nodes.length)}`;
      settle(nodes, shares, hashes, round % 2 === 0);
      expect(shares.every((share) => share.owner !== null)).toBe(true);
      for (const consumer of consumers) {
        const counts = nodes.map(({ name }) => ownedBy(shares, name, consumer));
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }
      const counts = nodes.map(({ name }) => ownedBy(shares, name));
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
    }
  });
});

// What whoever may write to Redis cannot make a node do: run in a directory that the consumer's file does not name, end a process
// of its user, or stop taking part.
import { describe, expect, test } from "bun:test";
import { groupRecords, nodeRecords } from "../src/cluster/records.ts";
import type { Consumer } from "../src/config/schema.ts";
import { withoutProcesses } from "../src/daemon/recover.ts";
import { makeTrustedPlace } from "../src/dispatch/trusted-place.ts";
import type { Stream } from "../src/stream/stream.ts";
import { consumerWith, storedEvent } from "./fixtures/delivery.ts";

describe("where a cluster consumer's worker runs", () => {
  const trusted = makeTrustedPlace((path) => path);
  const projectOf = (project: string | null, over: Partial<Consumer>) =>
    trusted(consumerWith({ kind: "run", argv: ["./x.sh"] }, over), [storedEvent({ project })])[0]?.project ?? null;
  const shared: Partial<Consumer> = { scope: "cluster", projects: ["/home/u/shop"] };

  test("in a project that its file names", () => expect(projectOf("/home/u/shop", shared)).toBe("/home/u/shop"));
  test("in no other one, whatever a request or a row in Redis says", () => {
    expect(projectOf("/home/u/other", shared)).toBeNull();
    expect(projectOf("/home/u/shop/../other", shared)).toBeNull();
  });
  test("in any plain directory where its file names none", () => {
    const any: Partial<Consumer> = { scope: "cluster", projects: null };
    expect(projectOf("/home/u/other", any)).toBe("/home/u/other");
    expect(projectOf("/home/u/link/../other", any)).toBeNull();
    expect(projectOf("other", any)).toBeNull();
    expect(projectOf(null, any)).toBeNull();
  });
  test("a node's own consumer has nothing to do with it", () =>
    expect(projectOf("/home/u/link/../other", { scope: "node", projects: null })).toBe("/home/u/link/../other"));
});

test("a process that a row in Redis names is not ended for that", () => {
  const unfinished = [{ deliveryId: "d_1", groupId: 4711, leaderStart: "1", bootId: "b" }];
  const shared = { unfinished: () => unfinished } as unknown as Stream;
  expect(withoutProcesses(shared).unfinished()).toMatchObject([{ deliveryId: "d_1", groupId: null }]);
});

describe("records that are none", () => {
  const group = { partitions: 2, hash: "h", beganMs: 1, beganSeq: 1, goneMs: null };
  test("are left out and told, the others stay", () => {
    const texts = new Map([
      ["good", JSON.stringify(group)],
      ["huge", JSON.stringify({ ...group, partitions: 1e9 })],
      ["none", "{"],
      ["../up", JSON.stringify(group)],
    ]);
    const { records, unreadable } = groupRecords(texts);
    expect([...records]).toEqual([["good", group]]);
    expect(unreadable).toEqual(["huge", "none", "../up"]);
  });
  test("a node's record is only believed under its own name", () => {
    const node = {
      ...{ seenMs: 1, name: "a", ledger: "l", instance: "i", version: "1", startedMs: 1, silentAfterMs: 1 },
      ...{ consumers: {}, forward: { lag: 0, trouble: null }, local: { lag: 0, pending: 0, dead: 0 }, owned: {} },
    };
    const texts = new Map([
      ["a", JSON.stringify(node)],
      ["b", JSON.stringify(node)],
      ["c", "7"],
    ]);
    expect([...nodeRecords(texts).records.keys()]).toEqual(["a"]);
    expect(nodeRecords(texts).unreadable).toEqual(["b", "c"]);
  });
});

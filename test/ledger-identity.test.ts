// Which ledger a ledger is, and what it keeps for a forwarder that is no consumer.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSound } from "../src/ledger/damaged.ts";
import { openInspection } from "../src/ledger/inspect.ts";
import { openLedger } from "../src/ledger/ledger.ts";
import { MIGRATIONS } from "../src/ledger/tables.ts";
import { CLUSTER_GROUP, isConsumerGroup } from "../src/stream/cluster-group.ts";
import { DAY, openScratch, type Scratch } from "./scratch-ledger.ts";

let on: Scratch;
beforeEach(() => {
  on = openScratch();
});
afterEach(() => on.end());

describe("a ledger", () => {
  test("is the same one whenever it is opened, and every other is another", () => {
    const id = on.stream.ledgerId();
    expect(id).toMatch(/^[0-9a-f]{12}$/);
    on.reopen();
    expect(on.stream.ledgerId()).toBe(id);
    const other = openScratch();
    expect(other.stream.ledgerId()).not.toBe(id);
    other.end();
  });

  test("can become another one, for good", () => {
    const before = on.stream.ledgerId();
    const after = on.stream.renewLedgerId();
    on.reopen();
    expect([on.stream.ledgerId(), after === before]).toEqual([after, false]);
  });

  test("of the version before gets its identity when it is opened for writing, and is looked at without", () => {
    const directory = mkdtempSync(join(tmpdir(), "offhook-older-"));
    const path = join(directory, "ledger.db");
    const older = new Database(path);
    for (const step of MIGRATIONS.slice(0, 2)) older.run(step);
    older.run("INSERT INTO groups (consumer, cursor, began_ms) VALUES ('lint', 0, 0)");
    older.run("PRAGMA user_version = 2");
    older.close();
    const inspection = openInspection(path);
    expect(inspection?.groups(0).map((group) => group.consumer)).toEqual(["lint"]);
    expect(inspection?.forwarding(0)).toBe(null);
    inspection?.close();
    const open = () => openLedger(path, { now: Date.now, durability: "process" });
    const first = open();
    const id = first.ledgerId();
    expect([id.length, first.forwarding(), first.placeOf("lint").cursor]).toEqual([12, null, 0]);
    first.close();
    const second = open();
    expect(second.ledgerId()).toBe(id);
    second.close();
    rmSync(directory, { recursive: true });
  });

  test("that begins anew in the place of a damaged one is another", () => {
    const id = on.stream.ledgerId();
    on.stream.close();
    writeFileSync(on.path, "Dear diary,\n".repeat(1003));
    const open = () => openLedger(on.path, { now: Date.now, durability: "process" });
    const anew = openSound(on.path, { open, now: Date.now, log: () => undefined });
    expect(anew.ledgerId()).not.toBe(id);
    anew.close();
    on.reopen();
  });
});

describe("the forwarder's group", () => {
  const passed = (cursor: number) => on.decide({ consumer: CLUSTER_GROUP, ordered: false, cursor });

  test("keeps events as a consumer's does, until they are forwarded", () => {
    on.group(CLUSTER_GROUP, "now", false);
    on.group("lint");
    on.append(...Array(10).fill(on.now));
    on.decide({ consumer: "lint" });
    passed(4);
    const everything = { settledBeforeMs: on.now + DAY, deadBeforeMs: null, most: 100 };
    expect(on.stream.prune(everything).events).toBe(4);
    expect(on.stream.groupsByPlace()).toEqual([CLUSTER_GROUP, "lint"]);
    expect(on.stream.heldBackBytes()).toBeGreaterThan(0);
    on.reopen();
    expect(on.stream.prune(everything).events).toBe(0);
    expect(on.stream.expire(CLUSTER_GROUP, on.now + DAY, 3)).toBe(3);
    expect(on.stream.placeOf(CLUSTER_GROUP).cursor).toBe(7);
    expect(on.stream.prune(everything).events).toBe(3);
  });

  test("is not shown as a consumer", () => {
    on.group("lint");
    on.group(CLUSTER_GROUP, "now", false);
    on.append(...Array(3).fill(on.now));
    on.stream.expire(CLUSTER_GROUP, on.now + DAY, 2);
    on.look((inspection) => {
      expect(inspection.groups(on.now).map((group) => group.consumer)).toEqual(["lint"]);
      expect(inspection.forwarding(on.now)).toMatchObject({
        consumer: CLUSTER_GROUP,
        lag: 1,
        skipped: 2,
        removedMs: null,
      });
      expect(inspection.skips({ consumer: null, session: null, limit: null })).toEqual([]);
      expect(inspection.skips({ consumer: null, session: "s1", limit: null })).toEqual([]);
      expect([inspection.skipsOf(1), inspection.skipCounts(null)]).toEqual([[], []]);
    });
    expect([CLUSTER_GROUP, "lint"].map(isConsumerGroup)).toEqual([false, true]);
  });

  test("has no file and is not removed for that; outside of a cluster it holds nothing back and is forgotten", () => {
    on.group(CLUSTER_GROUP, "now", false);
    on.append(...Array(5).fill(on.now));
    on.stream.noteForwarding({ origin: "n1/x", beganSeq: 0, knownSeq: 0, againSeq: 0 });
    const everything = { settledBeforeMs: on.now + DAY, deadBeforeMs: null, most: 100 };
    on.stream.markRemoved([]);
    expect(on.stream.prune(everything).events).toBe(0);
    on.stream.endForwarding();
    expect(on.stream.prune(everything).events).toBe(4);
    expect(on.stream.removedBefore(on.now + 1)).toEqual([CLUSTER_GROUP]);
    // Since when stays as it was.
    on.now += DAY;
    on.stream.endForwarding();
    expect(on.stream.removedBefore(on.now)).toEqual([CLUSTER_GROUP]);
    expect(on.stream.forget(CLUSTER_GROUP)).toBe(true);
    expect(on.stream.forwarding()).toBe(null);
  });

  test("goes on where it was when the node is in a cluster again", () => {
    on.group(CLUSTER_GROUP, "now", false);
    on.append(...Array(5).fill(on.now));
    passed(2);
    const noted = { origin: "n1/x", beganSeq: 0, knownSeq: 2, againSeq: 1 };
    on.stream.noteForwarding(noted);
    on.stream.endForwarding();
    on.group(CLUSTER_GROUP, "now", false);
    expect(on.stream.placeOf(CLUSTER_GROUP).cursor).toBe(2);
    expect(on.stream.forwarding()).toEqual(noted);
    expect(on.stream.removedBefore(on.now + DAY)).toEqual([]);
  });
});

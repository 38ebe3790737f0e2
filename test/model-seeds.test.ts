// Games that the model test once lost (test/torture/model-play.ts), made as small as they go: what was wrong then stays right.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Action, Consumer } from "../src/config/schema.ts";
import { consumerWith } from "./fixtures/delivery.ts";
import { play } from "./torture/model-play.ts";
import type { DrawnEnd, DrawnEvent, Step } from "./torture/model-steps.ts";

let place: string;
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), "offhook-model-"));
});
afterAll(() => rmSync(place, { recursive: true }));

const WORKER: Action = { kind: "shell", command: "true" };
const FAILED: DrawnEnd = { outcome: "failed", exitCode: 100, retryAfterMs: null };

const consumerOf = (over: Partial<Consumer>, action: Action = WORKER) =>
  consumerWith(action, { name: "c0", on: ["tick"], start: "earliest", ...over });
const tick = (file: string, ageMs = 0): DrawnEvent => ({
  type: "tick",
  file,
  session: "s1",
  depth: 0,
  toolUseId: null,
  data: "{}",
  ageMs,
});
const publish = (...events: DrawnEvent[]): Step => ({ kind: "publish", events });

/** What differs first when these steps are done; null: nothing. */
const lost = async (consumer: Consumer, ...steps: Step[]) =>
  (await play({ seed: "a game", workers: 4, consumers: [consumer], steps }, place)).difference;

test("what waits behind deliveries that are all skipped when they would run inside the daemon is looked at too", async () => {
  const log = consumerOf({ key: "{project}", cooldownMs: 100 }, { kind: "builtin", builtin: "none" });
  expect(await lost(log, publish(tick("/p/a")), publish(tick("/p/b"), tick("/p/c")))).toBeNull();
});

test("without order a dead letter that is tried again does not wait for another of its key", async () => {
  const steps: Step[] = [publish(tick("/p/a")), { kind: "end", which: 0, end: FAILED }, publish(tick("/p/a"))];
  const consumer = consumerOf({ order: false, concurrency: 2 });
  expect(await lost(consumer, ...steps, { kind: "retry-dead", from: 0, to: 1 })).toBeNull();
});

test("a dead letter that is tried again does not overlap one of its key that runs, also after the file was changed", async () => {
  const steps: Step[] = [publish(tick("/p/a")), { kind: "end", which: 0, end: FAILED }, publish(tick("/p/a"))];
  const change = { concurrency: 3 };
  const edited: Step[] = [
    { kind: "retry-dead", from: 0, to: 1 },
    { kind: "edit", consumer: "c0", change },
  ];
  expect(await lost(consumerOf({ concurrency: 2 }), ...steps, ...edited)).toBeNull();
});

test("a delivery of several events is not given up while one of them is young, in whatever order they came", async () => {
  const held = consumerOf({ debounce: { quietMs: 60_000, maxMs: 60_000 } });
  const steps: Step[] = [publish(tick("/p/a", 10), tick("/p/a", 3_600_000))];
  expect(await lost(held, ...steps, { kind: "expire", consumer: "c0", ageMs: 60_000 })).toBeNull();
});

// Seed 3979690058, game 475.
test("a hold that begins inside the daemon takes in nothing more, wherever in its beginning the daemon is killed", async () => {
  const log = consumerOf(
    { debounce: { quietMs: 1_000, maxMs: 30_000 }, rate: { count: 1, perMs: 60_000 } },
    { kind: "builtin", builtin: "none" },
  );
  const pass = (ms: number): Step => ({ kind: "pass", ms });
  for (const afterWrites of [0, 1, 2, 3, 4]) {
    const begins: Step[] = [publish(tick("/p/a")), { kind: "kill", afterWrites }, pass(2_000)];
    expect(await lost(log, ...begins, publish(tick("/p/a")), pass(2_000), pass(120_000))).toBeNull();
  }
});

// Seed 7041995, ten times the cases of a commit, game 3392.
test("what is old behind a piece's worth of younger deliveries is given up when they have gone on, and not before", async () => {
  const young = (count: number) => Array.from({ length: count }, () => tick("/p/a"));
  const housekeep: Step = { kind: "housekeep", retentionMs: 60_000, maxLagMs: 3_600_000, sizeBytes: 1_000_000_000 };
  const end: Step = { kind: "end", which: 0, end: { outcome: "ok", exitCode: 0, retryAfterMs: null } };
  const steps: Step[] = [publish(...young(202), tick("/p/a", 3_600_000)), { kind: "pass", ms: 50 }, housekeep];
  expect(await lost(consumerOf({ order: false }), ...steps, end, end, end, housekeep)).toBeNull();
});

// A long replay gives way to everything else of the daemon, and housekeeping may let go of what it was about to replay.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyChange } from "../src/daemon/change.ts";
import type { ChangeDeps } from "../src/daemon/change-deps.ts";
import { openInspection } from "../src/ledger/inspect.ts";
import { consumerWith, storedEvent } from "./fixtures/delivery.ts";
import { makeDice } from "./torture/dice.ts";
import { makeWorld, type World } from "./torture/world.ts";

const consumer = consumerWith(
  { kind: "shell", command: "true" },
  { name: "lint", on: ["tick"], start: "earliest", order: false, concurrency: 64 },
);
/** More than a replay looks at before it gives way. */
const EVENTS = 301;

let directory: string;
let world: World;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "offhook-replay-"));
  const startMs = Date.parse("2026-11-20T12:00:00Z");
  world = makeWorld({ directory, dice: makeDice("replay"), startMs, workers: 100, consumers: [consumer] });
});
afterEach(() => {
  world.close();
  rmSync(directory, { recursive: true });
});

/** Publishes and ends all; the first event's delivery is a dead letter, which keeps its event in front of all others. */
async function finishAll(): Promise<void> {
  world.publish(
    Array.from({ length: EVENTS }, (_, at) => {
      const { seq: _seq, ...event } = storedEvent({
        id: `e${at}`,
        type: "tick",
        source: "/n1/program",
        timeMs: world.clock.now(),
      });
      return event;
    }),
  );
  await world.rest();
  while (world.underway().length > 0) {
    for (const one of world.underway())
      one.finish(one.number === 0 ? { outcome: "failed", exitCode: 100 } : { outcome: "ok" });
    await world.rest();
  }
  await world.pass(1000);
}

test("what is let go of while a replay goes on is left out of it, and makes no dead letters", async () => {
  await finishAll();
  const deps: ChangeDeps = {
    stream: world.stream(),
    inspect: () => openInspection(world.path()),
    consumerNamed: () => consumer,
    fileNames: () => [consumer.name],
    isOff: () => false,
    isRunning: () => false,
    realPath: (path) => path,
    now: world.clock.now,
    forgotten: () => undefined,
    reopen: () => undefined,
    advance: world.advance,
  };
  const limits = { settledBeforeMs: null, deadBeforeMs: Number.MIN_SAFE_INTEGER, most: 1000 };
  let pruned = 0;
  setImmediate(() => {
    pruned = world.stream().prune(limits).events;
  });
  const selection = { fromSeq: null, throughSeq: null, sinceMs: null, session: null, type: null, seqs: null };
  const made = await applyChange({ kind: "replay", consumer: consumer.name, selection, dryRun: false }, deps);
  expect(pruned).toBeGreaterThan(EVENTS - 10);
  expect([made.deliveries, made.events, made.ids.length]).toEqual(Array(3).fill(EVENTS - pruned));
  await world.rest();
  const inspection = openInspection(world.path());
  const dead = [...(inspection?.deliveries({ consumer: "lint", state: "dead", session: null, limit: null }) ?? [])];
  inspection?.close();
  expect(dead.map((one) => one.seqs)).toEqual([[1]]);
});

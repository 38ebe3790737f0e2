// What a partition costs beside a plain ledger in memory, through the same dispatcher and a builtin `none` consumer: the price of noting
// what changes and of telling it. Processor time, rounds in turn; the figures are printed, and the ratio must stay where it is.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { finished, resultOf } from "../src/attempt/attempt.ts";
import { makeDispatcher } from "../src/dispatch/dispatcher.ts";
import { makeSlots } from "../src/dispatch/slots.ts";
import type { Surroundings } from "../src/dispatch/surroundings.ts";
import { makeTurns } from "../src/dispatch/turns.ts";
import { ledgerOn } from "../src/ledger/ledger.ts";
import { MIGRATIONS } from "../src/ledger/tables.ts";
import { openPartition } from "../src/partition/partition.ts";
import type { Stream } from "../src/stream/stream.ts";
import { consumerWith, contextWith } from "./fixtures/delivery.ts";
import { until } from "./running.ts";
import { makeEvent } from "./stream-verbs.ts";

const EVENTS = 10_000;
const PAGE = 500;
const ROUNDS = 5;
const MOST_TIMES = 2;

const none = consumerWith({ kind: "builtin", builtin: "none" }, { name: "none", on: ["**"], start: "earliest" });

function around(stream: Stream, fail: (error: unknown) => void): Surroundings {
  return {
    stream,
    slots: makeSlots(2),
    turns: makeTurns(),
    startAttempt: () => finished(resultOf({ outcome: "ok" })),
    planContext: (delivery) => contextWith({ ...delivery, deliveryId: delivery.id }),
    realPath: (path) => path,
    isOff: () => false,
    silencingOf: () => null,
    bootId: null,
    startTimeOf: () => null,
    now: Date.now,
    later: () => () => undefined,
    random: Math.random,
    ownEvent: () => makeEvent({}),
    onOwnEvents: () => undefined,
    onOutcome: () => undefined,
    isFull: () => false,
    onTrouble: () => false,
    fail,
  };
}

/** Settles events that come in pages; `after` each page is settled. Gives the processor time of one, in µs. */
async function settleAll(stream: Stream, give: (from: number) => void, after: () => void): Promise<number> {
  let failure: unknown = null;
  const dispatcher = makeDispatcher(
    none,
    around(stream, (error) => {
      failure = error;
    }),
  );
  const before = process.cpuUsage();
  for (let from = 0; from < EVENTS; from += PAGE) {
    give(from);
    dispatcher.advance();
    while (
      stream.placeOf(none.name).cursor < from + PAGE ||
      dispatcher.isRunning() ||
      stream.startable(none.name, 1).length > 0
    ) {
      if (failure !== null) throw failure;
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    after();
  }
  const { user, system } = process.cpuUsage(before);
  await until(
    () => !dispatcher.isRunning(),
    () => "still running",
  );
  return (user + system) / EVENTS;
}

const data = JSON.stringify("x".repeat(1_000));
const made = () => Array.from({ length: EVENTS }, () => makeEvent({ data, source: "/n1/program", timeMs: Date.now() }));

async function plain(): Promise<number> {
  const db = new Database(":memory:", { strict: true });
  for (const step of MIGRATIONS) db.run(step);
  const stream = ledgerOn(db, { now: Date.now, durability: "process" });
  const events = made();
  const cost = await settleAll(
    stream,
    (from) => stream.append(events.slice(from, from + PAGE)),
    () => undefined,
  );
  stream.close();
  return cost;
}

async function partitioned(): Promise<number> {
  const partition = openPartition(none.name, null, { now: Date.now, startAfterSeq: 0, createdMs: 0 });
  const entries = made().map((event, at) => ({
    entry: { seq: at + 1, event, origin: "n1/l", originSeq: at + 1, again: false },
    wanted: true,
  }));
  let told = 0;
  const cost = await settleAll(
    partition.stream,
    (from) => partition.take(entries.slice(from, from + PAGE), from + PAGE),
    () => {
      const changes = partition.changes();
      told += (changes?.set.length ?? 0) + (changes?.del.length ?? 0);
      partition.confirm();
    },
  );
  expect(partition.inspect()).toMatchObject({ ok: EVENTS, pending: 0, lag: 0 });
  // The group and its place, each time: what is settled at once never gets there.
  expect(told).toBe((2 * EVENTS) / PAGE);
  partition.close();
  return cost;
}

test("settling in a partition costs about what it costs in a ledger in memory", async () => {
  const [inLedger, inPartition]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    inLedger.push(await plain());
    inPartition.push(await partitioned());
  }
  const median = (of: number[]) => of.sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? 0;
  const [ledger, partition] = [median(inLedger), median(inPartition)];
  console.log(
    `per event: ledger in memory ${ledger.toFixed(1)} µs, partition ${partition.toFixed(1)} µs, ${(partition / ledger).toFixed(2)} times; ` +
      `${Math.round(1e6 / partition)} events a second of processor time`,
  );
  expect(partition / ledger).toBeLessThan(MOST_TIMES);
}, 120_000);

// The eyes of the rows that end daemons: each thing that must not be is shown to them once, so that what they do not find is not there.
import { expect, test } from "bun:test";
import type { LedgerSeen, SeenDelivery } from "./torture/ledger-check.ts";
import { type Death, runsIn, wrongRuns } from "./torture/runs-check.ts";
import { fateOf } from "./torture/spool-damage.ts";

const ledger = (...deliveries: Partial<SeenDelivery>[]): LedgerSeen => ({
  events: [],
  groups: [],
  skips: [],
  wrong: [],
  deliveries: deliveries.map((over, at) => ({
    id: `d_${at}`,
    consumer: "work",
    key: "a",
    state: "ok",
    reason: null,
    attempts: 1,
    ended: 1,
    seqs: [at + 1],
    ...over,
  })),
});

/** What is found wrong with workers that wrote these lines: "b 0 1" is the begin of the first attempt at d_0. */
const found = (lines: string[], { after = ledger({}), death = null as Death | null } = {}) =>
  wrongRuns({
    consumer: "work",
    concurrency: 2,
    runs: runsIn(lines.map((line) => line.replace(/^(.) (\d+)/, "$1 d_$2").concat(" a"))),
    death,
    after,
  }).wrong;

const cutOff: Death = { ledger: ledger({ state: "running", attempts: 1, ended: 0 }), lines: 1 };

test("runs that went well are nothing", () => {
  expect(found(["b 0 1", "e 0 1", "b 1 1", "e 1 1"], { after: ledger({}, {}) })).toEqual([]);
  expect(found(["b 0 1", "b 0 2", "e 0 2"], { death: cutOff })).toEqual([]);
});

test("a delivery without a run, and a run without a delivery, are seen", () => {
  expect(found([])).toEqual(["work: d_0 has no run that ended"]);
  expect(found(["b 0 1", "e 0 1", "b 7 1", "e 7 1"])[0]).toContain("a run of d_7, which the ledger does not have");
});

test("a second run that no death explains is seen", () => {
  expect(found(["b 0 1", "e 0 1", "b 0 2", "e 0 2"])).toEqual(["work: d_0 ran 2 times, and 0 of them were cut off"]);
  const death = { ledger: ledger({}), lines: 2 };
  expect(found(["b 0 1", "e 0 1", "b 0 2", "e 0 2"], { death })).toHaveLength(1);
});

test("a run that began before the ledger had it is seen", () => {
  const death = { ledger: ledger({ state: "ready", attempts: 0, ended: 0 }), lines: 1 };
  expect(found(["b 0 1", "e 0 1"], { death })).toEqual(["work: d_0 ran for the 1. time before the ledger had it"]);
});

test("runs of one key that overlap or overtake each other are seen", () => {
  const after = ledger({}, {});
  expect(found(["b 0 1", "b 1 1", "e 0 1", "e 1 1"], { after })[0]).toContain("ran at the same time on a");
  expect(found(["b 1 1", "e 1 1", "b 0 1", "e 0 1"], { after })[0]).toContain("d_0 ran after d_1, which came later");
});

test("what must become of a file in the spool follows from its name and its bytes", () => {
  const id = "01a1fe05-defb-76c5-9cdd-2198dc83a12d";
  const header = { v: 1, id, time: "2026-11-21T12:00:00.000Z", pid: 1, args: [], env: {}, size: 2, flags: [] };
  const fate = (over: object, name = id) =>
    fateOf(name, Buffer.from(`${JSON.stringify({ ...header, ...over })}\n{}`)).kind;
  expect(fate({})).toBe("event");
  expect(fate({}, "notes.txt")).toBe("bad");
  expect(fate({ v: 2 })).toBe("waits");
  expect(fate({ v: 1.5 })).toBe("bad");
  expect(fate({ id: id.replace("0", "1") })).toBe("bad");
  expect(fate({ time: "never" })).toBe("bad");
  expect(fateOf(id, Buffer.from(JSON.stringify(header))).kind).toBe("bad");
});

// The checks of the torture suite's rows of several machines, on histories that are right and on such that are wrong in one place:
// each wrong one must be told, the right ones not. The rows themselves are run by scripts/torture --cluster.
import { expect, test } from "bun:test";
import {
  type History,
  judgeRuns,
  placesIn,
  placesOnNodes,
  type Sent,
  wrongAlerts,
  wrongStream,
} from "./torture/cluster/history-check.ts";
import { type Entry, entryOf } from "./torture/cluster/redis-eye.ts";
import { type Gathered, SPOILINGS, spoilAll, wrongWith } from "./torture/cluster/spoiled.ts";
import { type Line, lineOf } from "./torture/cluster/work-log.ts";
import { makeDice } from "./torture/dice.ts";

/** Events 0, 1, 2, ... of two nodes in turns, about two keys. */
const sent = (count: number): Sent[] =>
  Array.from({ length: count }, (_, at) => {
    const node = `n${1 + (at % 2)}`;
    return { name: `${node}.${at}`, node, key: `/key/${Math.floor(at / 2) % 2}`, beganMs: at, endedMs: at };
  });

const entries = (events: readonly Sent[]): Entry[] => {
  const counts = new Map<string, number>();
  return events.map(({ name, node }, at) => {
    const originSeq = 1 + (counts.get(node) ?? 0);
    counts.set(node, originSeq);
    return {
      seq: at + 1,
      origin: `${node}/ledger`,
      originSeq,
      isAgain: false,
      id: name,
      type: "load.saved",
      node,
      name,
    };
  });
};

/** A worker's line: "begin 3 n1" is the begin of event 3 on n1, "end 3 n1 2" the end of its second attempt. */
const line = (text: string): Line => {
  const [kind = "", event = "", node = "", attempt = "1"] = text.split(" ");
  if (kind === "gone" || kind === "back") return lineOf(`${kind} ${event}`);
  return lineOf(`${kind} work d_${event} ${attempt} n${1 + (Number(event) % 2)}.${event} ${node}`);
};

const runs = (...numbers: number[]): string[] =>
  numbers.flatMap((number) => [`begin ${number} n1`, `end ${number} n1`]);

/** What is wrong with the runs of a cluster consumer, of as many events as there are, by lines in words. */
function judged(count: number, lines: string[], more: Partial<History> = {}) {
  const events = sent(count);
  return judgeRuns({
    ...{ consumer: "work", scope: "cluster", sent: events, slots: 2, places: placesIn(entries(events)) },
    lines: lines.map(line),
    ...more,
  });
}

test("a stream with each event once, in the order of its node, is right", () => {
  expect(wrongStream(sent(20), entries(sent(20)))).toEqual([]);
});

test("own events of the daemons may stand between", () => {
  const own = { ...(entries(sent(2))[0] as Entry), seq: 21, originSeq: 30, type: "offhook.recovered", name: "" };
  expect(wrongStream(sent(20), [...entries(sent(20)), own])).toEqual([]);
});

test("an origin whose seqs go back is told", () => {
  const wrong = entries(sent(6)).map((entry, at) => (at === 4 ? { ...entry, originSeq: 1 } : entry));
  expect(wrongStream(sent(6), wrong).join()).toContain("seq 5 is n1/ledger's 1, after its 2");
});

test("each event run once by one node, key by key, is right", () => {
  expect(judged(4, runs(0, 1, 2, 3))).toMatchObject({ wrong: [], runs: 4, extra: 0 });
});

test("two keys may run at the same time", () => {
  const lines = ["begin 0 n1", "begin 2 n2", "end 2 n2", "end 0 n1", ...runs(1, 3)];
  expect(judged(4, lines).wrong).toEqual([]);
});

test("what ran when its node was gone may run once more elsewhere, and its worker may come to its end late", () => {
  const lines = ["begin 0 n1", "gone n1", "begin 0 n2 2", "end 0 n1", "end 0 n2 2", "back n1", ...runs(1)];
  expect(judged(2, lines)).toMatchObject({ wrong: [], runs: 3, extra: 1 });
});

test("what had ended just before its node was gone may run once more: nobody was told", () => {
  expect(judged(2, [...runs(0, 1), "gone n1", "begin 1 n2 2", "end 1 n2 2"]).wrong).toEqual([]);
});

test("what had ended long before may not", () => {
  const lines = [...runs(0, 1, 2, 3), "gone n1", "begin 0 n2 2", "end 0 n2 2"];
  expect(judged(4, lines).wrong.join()).toContain("n1.0 ran again, on n2 after n1");
});

test("an excuse is good for one run", () => {
  const lines = [
    "begin 0 n1",
    "gone n1",
    ...[2, 3].flatMap((number) => [`begin 0 n2 ${number}`, `end 0 n2 ${number}`]),
  ];
  expect(judged(1, lines).wrong.join()).toContain("ran again");
});

test("a run again without a node that was gone is told", () => {
  expect(judged(2, [...runs(0), "begin 0 n2 2", "end 0 n2 2", ...runs(1)]).wrong.join()).toContain("ran again");
});

test("a node that goes on beginning while it is cut off is told", () => {
  const lines = ["gone n1", ...runs(0, 1, 2)];
  expect(judged(3, lines).wrong.join()).toContain("n1 went on beginning while it was gone");
  expect(judged(2, ["gone n1", ...runs(0, 1)]).wrong).toEqual([]);
});

test("a second run under another delivery is told", () => {
  const lines = ["begin work d_1 1 n1.0 n1", "gone n1", "begin work d_2 1 n1.0 n2", "end work d_2 1 n1.0 n2"];
  expect(judged(1, [], { lines: lines.map(lineOf) }).wrong.join()).toContain("is two deliveries, d_1 and d_2");
});

test("a delivery of scope node that runs on another node is told", () => {
  const node: Partial<History> = { scope: "node", places: placesOnNodes(sent(2)) };
  expect(judged(2, runs(0, 1), node).wrong).toEqual(["work: n2.1 of n2 ran on n1"]);
  expect(judged(2, ["begin 0 n1", "end 0 n1", "begin 1 n2", "end 1 n2"], node).wrong).toEqual([]);
});

test("a run that never ended, one that never began, one of nobody are told", () => {
  expect(judged(2, [...runs(0), "begin 1 n1"]).wrong.join()).toContain("n2.1 has no run that came to its end");
  expect(judged(1, [...runs(0), "end 0 n2 2"]).wrong.join()).toContain("had not begun");
  expect(judged(1, runs(0, 7)).wrong.join()).toContain("n2.7, which nobody published");
});

test("alerts: one a window is right; none, two, one for nothing, one without an end are told", () => {
  const windows = [
    { key: "/a", names: ["n1.0", "n2.1"] },
    { key: "/b", names: ["n1.2"] },
  ];
  const said = (...lines: string[]) => wrongAlerts(windows, "work", lines.map(line));
  expect(said(...runs(1, 2))).toEqual([]);
  expect(said(...runs(1))).toEqual([expect.stringContaining("/b: 0 alerts for one window")]);
  expect(said(...runs(0, 1, 2))).toEqual([expect.stringContaining("/a: 2 alerts for one window (n1.0,n2.1)")]);
  expect(said(...runs(1, 2, 3))).toEqual([expect.stringContaining("an alert for n2.3")]);
  expect(said(...runs(1), "begin 2 n1")).toEqual([expect.stringContaining("did not come to its end")]);
});

test("every way to spoil a history is found in one that is right", () => {
  const events = sent(40);
  const gathered: Gathered = {
    sent: events,
    entries: entries(events),
    histories: [
      {
        ...{ consumer: "work", scope: "cluster", sent: events, slots: 2, places: placesIn(entries(events)) },
        lines: runs(...events.keys()).map(line),
      },
    ],
  };
  expect(wrongWith(gathered)).toEqual([]);
  for (const seed of ["1", "2", "3", "4", "5"]) {
    const { counts } = spoilAll(gathered, makeDice(seed));
    expect(Object.keys(counts)).toEqual(SPOILINGS.map(({ what }) => what));
  }
});

test("a history that is wrong already is not spoiled, but refused", () => {
  const events = sent(4);
  const gathered: Gathered = { sent: events, entries: entries(events).slice(1), histories: [] };
  expect(() => spoilAll(gathered, makeDice("1"))).toThrow("wrong without being spoiled");
});

test("an entry of the stream is read by its fields, and what is none is refused", () => {
  const event = JSON.stringify({ id: "x", type: "load.saved", node: "n1", sessionId: "n1.0" });
  expect(entryOf("7-0", ["e", event, "o", "n1/abc", "s", "3", "a", "1"])).toMatchObject({
    seq: 7,
    originSeq: 3,
    isAgain: true,
  });
  expect(() => entryOf("7-1", ["e", event, "o", "n1/abc", "s", "3"])).toThrow("no entry of ours");
  expect(() => entryOf("7-0", ["e", event])).toThrow("no entry of ours");
});

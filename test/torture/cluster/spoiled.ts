// Histories that are wrong on purpose: what a row gathered in a short run that held is spoiled in one place at a time, and the checks
// must say so. A check that lets one pass makes the row worth nothing.
import type { Dice } from "../dice.ts";
import type { Context, Seen } from "../row.ts";
import { type History, judgeRuns, type Sent, wrongStream } from "./history-check.ts";
import type { Part } from "./planted-build.ts";
import type { Entry } from "./redis-eye.ts";
import { type Line, runOf, type Step } from "./work-log.ts";

/** What a row gathered: the stream, and a history for each consumer. */
export type Gathered = { sent: readonly Sent[]; entries: readonly Entry[]; histories: readonly History[] };

/** What a row saw, and what it saw it from. */
export type Told = { seen: Seen; gathered: Gathered };

/** All that history-check.ts says of it. */
export function wrongWith({ sent, entries, histories }: Gathered): string[] {
  return [...wrongStream(sent, entries), ...histories.flatMap((history) => judgeRuns(history).wrong)];
}

type Spoiling = { what: string; says: RegExp; spoil(gathered: Gathered, dice: Dice): Gathered };

const ofStream = (what: string, says: RegExp, change: (entries: Entry[], at: number) => Entry[]): Spoiling => ({
  what: `an entry ${what}`,
  says,
  spoil(gathered, dice) {
    const ours = gathered.entries.flatMap(({ type }, at) => (type.startsWith("offhook.") ? [] : [at]));
    return { ...gathered, entries: change([...gathered.entries], dice.pick(ours)) };
  },
});

const ofRuns = (
  what: string,
  says: RegExp,
  change: (lines: Line[], lane: [Step, Step], dice: Dice) => Line[],
): Spoiling => ({
  what: `a run ${what}`,
  says,
  spoil(gathered, dice) {
    const histories = gathered.histories.map((history, at) => {
      if (at > 0) return history;
      return { ...history, lines: change([...history.lines], dice.pick(pairsOf(history)), dice) };
    });
    return { ...gathered, histories };
  },
});

export const SPOILINGS: readonly Spoiling[] = [
  ofStream("doubled", /is in the stream 2 times/, (entries, at) => {
    const again = entries[at] as Entry;
    return [...entries, { ...again, seq: 1 + Math.max(...entries.map(({ seq }) => seq)) }];
  }),
  ofStream("lost", /is not in the stream/, (entries, at) => entries.filter((_, index) => index !== at)),
  ofStream("of nobody", /is nobody's/, (entries, at) => {
    const one = entries[at] as Entry;
    return [...entries.slice(0, at), { ...one, name: `${one.name}-stranger` }, ...entries.slice(at + 1)];
  }),
  ofStream("out of its node's order", /comes after/, (entries, at) => {
    const one = entries[at] as Entry;
    const ofNode = entries.filter(({ node, type }) => node === one.node && !type.startsWith("offhook."));
    const other = (ofNode[ofNode.indexOf(one) + 1] ?? ofNode[ofNode.indexOf(one) - 1]) as Entry;
    const names = new Map([
      [one.name, other.name],
      [other.name, one.name],
    ]);
    return entries.map((entry) => ({ ...entry, name: names.get(entry.name) ?? entry.name }));
  }),
  ofRuns("doubled", /ran again/, (lines, [one]) => [
    ...lines,
    { ...one, attempt: one.attempt + 1, kind: "begin" },
    { ...one, attempt: one.attempt + 1, kind: "end" },
  ]),
  ofRuns("as a delivery of its own", /is two deliveries/, (lines, [one]) => [
    ...lines,
    { ...one, deliveryId: `${one.deliveryId}x`, kind: "begin" },
    { ...one, deliveryId: `${one.deliveryId}x`, kind: "end" },
  ]),
  ofRuns("lost", /has no run that came to its end/, (lines, [one]) => lines.filter((line) => !isOf(line, one))),
  ofRuns("overtaken by the next of its key", /which came later/, (lines, [one, next]) =>
    lines.map((line) => {
      if (isOf(line, one)) return { ...(line as Step), name: next.name };
      return isOf(line, next) ? { ...(line as Step), name: one.name } : line;
    }),
  ),
  ofRuns("beside the next of its key", /ran at the same time/, (lines, [one, next]) => {
    const begin = lines.findIndex((line) => line.kind === "begin" && isOf(line, next));
    const [moved] = lines.splice(begin, 1);
    const end = lines.findIndex((line) => line.kind === "end" && isOf(line, one));
    lines.splice(end, 0, moved as Line);
    return lines;
  }),
  ofRuns("of nobody", /which nobody published/, (lines, [one]) => [
    ...lines,
    { ...one, name: "stranger", deliveryId: "d_stranger", kind: "begin" },
  ]),
];

/** Neighbours of one key that each ran once, and so have no excuse. */
function pairsOf(history: History): [Step, Step][] {
  const { sent, places, lines, consumer } = history;
  const begins = lines.flatMap((line) => (line.kind === "begin" && line.consumer === consumer ? [line] : []));
  const once = new Map<string, Step>();
  for (const [name, own] of Map.groupBy(begins, (step) => step.name))
    if (own.length === 1) once.set(name, own[0] as Step);
  for (const name of judgeRuns(history).excused) once.delete(name);
  const pairs: [Step, Step][] = [];
  for (const own of Map.groupBy(sent, ({ key }) => key).values()) {
    const ordered = own.toSorted((a, b) => (places.get(a.name) ?? 0) - (places.get(b.name) ?? 0));
    for (const [at, { name }] of ordered.entries()) {
      const [one, next] = [once.get(name), once.get(ordered[at + 1]?.name ?? "")];
      if (one !== undefined && next !== undefined && runOf(one) !== runOf(next)) pairs.push([one, next]);
    }
  }
  if (pairs.length === 0) throw new Error(`${consumer}: no two runs of one key to be spoiled`);
  return pairs;
}

function isOf(line: Line, { consumer, name }: Step): boolean {
  return "name" in line && line.consumer === consumer && line.name === name;
}

/** Each spoiling on what was gathered; throws where one is not found, or where the unspoiled history is wrong already. */
export function spoilAll(gathered: Gathered, dice: Dice): Seen {
  const before = wrongWith(gathered);
  if (before.length > 0) throw new Error(`wrong without being spoiled: ${before.slice(0, 5).join("\n")}`);
  const seen: Seen = { counts: {}, findings: [] };
  for (const { what, says, spoil } of SPOILINGS) {
    if (what.startsWith("a run") && gathered.histories.length === 0) continue;
    const findings = wrongWith(spoil(gathered, dice.fork(what)));
    const said = findings.filter((finding) => says.test(finding));
    if (said.length === 0) throw new Error(`not seen: ${what}; ${findings.slice(0, 5).join("\n")}`);
    seen.counts[what] = said.length;
    seen.findings.push(...said.map((finding) => `${what}: ${finding}`));
  }
  return seen;
}

/** A control's part that plays a row for a short while and spoils what it gathered. */
export function spoiledPart(play: (context: Context) => Promise<Told>): Part {
  return {
    what: "the same, then spoiled in one place at a time: an entry doubled, lost, out of order; a run doubled, lost, overtaken, two at once",
    says: /^an? (entry|run) /,
    async run(context) {
      const { seen, gathered } = await play(context);
      if (seen.findings.length > 0) throw new Error(`something else is wrong: ${seen.findings.slice(0, 5).join("\n")}`);
      return spoilAll(gathered, context.dice.fork("spoiled"));
    },
  };
}

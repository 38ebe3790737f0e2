// Clocks that are set: by a second, an hour, a day, years, forward and back, during backoff, dedup windows, holds, cooldowns, rate
// windows and max_age. In process, with a clock by hand, the real dispatchers and a real ledger on a file.

import type { Stream } from "../../../src/stream/stream.ts";
import { fakeTime, setClockOfBinary } from "../clock-binary.ts";
import { wrongWith } from "../clock-check.ts";
import { play } from "../clock-play.ts";
import { drawGame, type Game } from "../clock-steps.ts";
import { inLanes } from "../lanes.ts";
import type { Context, Row, Seen } from "../row.ts";

async function playAll(
  { cases, dice, place, say, signal }: Context,
  around?: (stream: Stream) => Stream,
): Promise<Seen> {
  const counts = { events: 0, steps: 0, runs: 0, skipped: 0, crashes: 0 };
  const findings: string[] = [];
  for (let number = 0; number < cases && !signal.aborted; number++) {
    const game = drawGame(dice.fork(number));
    const wrong = await playOne(game, place, counts, around);
    findings.push(...wrong.map((sentence) => `game ${number} (${toldOf(game)}): ${sentence}`));
    say(`game ${number} of ${cases}`);
  }
  return { counts, findings };
}

async function playOne(
  game: Game,
  place: string,
  counts: Record<"events" | "steps" | "runs" | "skipped" | "crashes", number>,
  around?: (stream: Stream) => Stream,
): Promise<string[]> {
  try {
    const played = await play(game, place, around);
    counts.events += played.published.length;
    counts.steps += played.steps.length;
    counts.runs += played.runs.length;
    counts.skipped += played.skips.length;
    counts.crashes += played.crashes.length;
    return wrongWith(game, played);
  } catch (error) {
    return [`broke: ${error instanceof Error ? (error.stack ?? error.message) : error}`];
  }
}

function toldOf({ consumers, deeds }: Game): string {
  const steps = deeds.flatMap((deed) => (deed.kind === "step" ? [`${deed.atMs} ms ${deed.what}`] : []));
  return `${consumers.map((one) => one.name).join(", ")}; ${steps.join(", ")}`;
}

const FOREVER_MS = 1e15;

/** One of forty through the binary, where the library for that is installed. */
async function run(context: Context): Promise<Seen> {
  const library = fakeTime();
  const throughBinary = library === null ? 0 : Math.ceil(context.cases / 40);
  const seen = await playAll({ ...context, cases: context.cases - throughBinary });
  await inLanes({ count: throughBinary, atOnce: 3, signal: context.signal }, async (number) => {
    const wrong = await setClockOfBinary(context, library ?? "", {
      number,
      dice: context.dice.fork(`binary/${number}`),
    });
    seen.findings.push(...wrong.map((sentence) => `binary ${number}: ${sentence}`));
    context.say(`binary ${number} of ${throughBinary}`);
  });
  return { ...seen, counts: { ...seen.counts, "through the binary": throughBinary } };
}

/** Ledgers that are wrong on purpose, and what must be said of each. */
const WRONG: { what: string; says: RegExp; around(stream: Stream): Stream }[] = [
  {
    what: "dedup by the second",
    says: /delivered again/,
    around: (stream) => ({
      ...stream,
      read: (...asked) =>
        stream
          .read(...asked)
          .map((event) => ({ ...event, data: event.data, timeMs: Math.floor(event.timeMs / 1000) * 1000 })),
    }),
  },
  {
    what: "waits that believe the clock",
    says: /waited|not settled/,
    around: (stream) => ({
      ...stream,
      wake: (consumer) => stream.wake(consumer, { retryMs: FOREVER_MS, holdMs: FOREVER_MS }),
    }),
  },
  {
    what: "a rate that forgets",
    says: /began within/,
    around: (stream) => ({ ...stream, starts: () => ({ count: 0, oldestMs: null }) }),
  },
];

export const row: Row = {
  name: "clock",
  title: "games in which the clock is set while something waits: a second to two years, back too, 1970, 2038, 9999",
  must: "no loss, no storm, no wait longer than its longest by the steady clock, dedup by the events' own time",
  cases: 200,
  missing: () => null,
  run,
  control: {
    title: `games with ${WRONG.map(({ what }) => what).join(", ")}`,
    cases: 120,
    async run(context) {
      const seen: Seen = { counts: {}, findings: [] };
      for (const { what, says, around } of WRONG) {
        const { findings } = await playAll({ ...context, cases: context.cases / WRONG.length }, around);
        const said = findings.filter((finding) => says.test(finding));
        if (said.length === 0) throw new Error(`not seen: ${what}; ${findings.slice(0, 5).join("\n")}`);
        seen.counts[what] = said.length;
        seen.findings.push(...said.map((finding) => `${what}: ${finding}`));
      }
      return seen;
    },
  },
};

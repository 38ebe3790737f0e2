// A game of the clock row: consumers whose rules have to do with time, events that come over a minute, and a clock that somebody sets
// meanwhile. Everything is drawn before it is played.
import type { Consumer } from "../../src/config/schema.ts";
import { consumerWith } from "../fixtures/delivery.ts";
import type { Dice } from "./dice.ts";

/** Rules small enough that a minute is long. */
export const RULES: Record<string, Partial<Consumer>> = {
  backoff: { retry: { max: 3, backoffMs: 1000, maxBackoffMs: 8000 } },
  dedup: { dedupMs: 1000 },
  debounce: { debounce: { quietMs: 1000, maxMs: 5000 } },
  cooldown: { cooldownMs: 6000 },
  rate: { rate: { count: 3, perMs: 10_000 } },
  age: { maxAgeMs: 20_000, rate: { count: 4, perMs: 10_000 } },
};

/** What is done, at a moment of steady time. `what` of a step tells where the clock is set to. */
export type Deed = { atMs: number } & (
  | { kind: "publish"; name: string; key: string }
  | { kind: "step"; what: string; byMs: number | null; toMs: number | null }
  | { kind: "crash" }
);

export type Game = {
  startMs: number;
  consumers: Consumer[];
  deeds: Deed[];
  /** How often the workers of `backoff` fail an event, by its name. */
  fails: Map<string, number>;
  dice: Dice;
};

const SECOND = 1000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
const BY: [string, number][] = [
  ["a second", SECOND],
  ["ten seconds", 10 * SECOND],
  ["an hour, as summer time that was set by hand", HOUR],
  ["a day", DAY],
  ["two years", 730 * DAY],
];
const TO: [string, string][] = [
  ["the start of 1970", "1970-01-01T00:00:07.313Z"],
  ["the end of 32 bits", "2038-01-19T03:14:05.700Z"],
  ["the end of year 9999", "9999-12-31T23:59:51.001Z"],
  ["the night in which summer time ends", "2026-10-25T00:59:55.000Z"],
];
const STARTS = [
  "2026-11-21T12:00:00.011Z",
  "2038-01-19T03:13:40.000Z",
  "9999-12-31T23:59:00.000Z",
  "2027-03-28T00:59:30.000Z",
];

const EVENTS = 18;
const PUBLISHED_FOR_MS = 50_000;
const KEYS = ["a.py", "b.py", "c.py"];

/** Draws a game; all that differs between two of the same dice is nothing. */
export function drawGame(dice: Dice): Game {
  const consumers = dice
    .shuffled(Object.keys(RULES))
    .slice(0, 4)
    .map((name) =>
      consumerWith(
        { kind: "run", argv: ["true"] },
        { name, on: ["edit"], start: "earliest", key: "{file}", concurrency: 4, ...RULES[name] },
      ),
    );
  const deeds: Deed[] = [];
  for (let at = 0; at < EVENTS; at++) {
    const name = `event-${at}`;
    deeds.push({ kind: "publish", name, key: dice.pick(KEYS), atMs: dice.below(PUBLISHED_FOR_MS) });
    // Its like, a moment later: on either side of a full second, too.
    if (dice.chance(0.3))
      deeds.push({
        ...(deeds.at(-1) as Deed),
        name: `${name}-again`,
        atMs: (deeds.at(-1)?.atMs ?? 0) + dice.between(1, 1500),
      } as Deed);
  }
  for (let steps = dice.between(1, 4); steps > 0; steps--) deeds.push(stepFrom(dice));
  if (dice.chance(0.2)) deeds.push({ kind: "crash", atMs: dice.below(PUBLISHED_FOR_MS) });
  deeds.sort((one, other) => one.atMs - other.atMs);
  const fails = new Map(
    deeds.flatMap((deed) => (deed.kind === "publish" ? [[deed.name, dice.pick([0, 0, 0, 1, 2, 3, 9])]] : [])),
  );
  return { startMs: Date.parse(dice.pick(STARTS)), consumers, deeds, fails, dice: dice.fork("play") };
}

function stepFrom(dice: Dice): Deed {
  const atMs = dice.below(PUBLISHED_FOR_MS);
  if (dice.chance(0.2)) {
    const [what, to] = dice.pick(TO);
    return { kind: "step", what: `to ${what}`, byMs: null, toMs: Date.parse(to), atMs };
  }
  const [what, by] = dice.pick(BY);
  const sign = dice.chance(0.5) ? 1 : -1;
  return { kind: "step", what: `${what} ${sign > 0 ? "forward" : "back"}`, byMs: sign * by, toMs: null, atMs };
}

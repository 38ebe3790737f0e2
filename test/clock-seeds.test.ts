// Games of the torture suite's clock row that see what was once wrong: they are held to what is right, and what was wrong is played beside.
import { expect, test } from "bun:test";
import type { Stream } from "../src/stream/stream.ts";
import { makeScratch } from "./binary.ts";
import { wrongWith } from "./torture/clock-check.ts";
import { play } from "./torture/clock-play.ts";
import { drawGame } from "./torture/clock-steps.ts";
import { makeDice } from "./torture/dice.ts";

const HOUR_MS = 3_600_000;
const scratch = makeScratch();

/** What is wrong with the game of a seed. */
async function found(seed: string, around?: (stream: Stream) => Stream): Promise<string[]> {
  const game = drawGame(makeDice(seed));
  return wrongWith(game, await play(game, scratch.directory("game"), around));
}

/** As it was: the longest that a server may ask for, an hour, held for every wait of every consumer. */
const anHour = (stream: Stream): Stream => ({
  ...stream,
  wake: (consumer) => stream.wake(consumer, { retryMs: HOUR_MS, holdMs: HOUR_MS }),
});

for (const [seed, what] of [
  ["clock 29", "a retry"],
  ["clock 10", "a hold"],
] as const) {
  test(`${what} waits no longer than its longest when the clock is set back`, async () => {
    expect(await found(seed)).toEqual([]);
    expect((await found(seed, anHour)).join("\n")).toContain("waited");
  });
}

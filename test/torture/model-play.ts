// Plays games: does their steps to a daemon's core and to the model, compares after each, and gives what differs first. A game
// that fails is made smaller, by leaving out what it also fails without, until every step is needed: then it can become a test.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Game, Step } from "./model-steps.ts";
import { type Planted, setTable } from "./model-table.ts";

/** What differed first: after which step (-1: before the first), and how. */
export type Difference = { step: number; texts: string[] };

export type Played = { difference: Difference | null; events: number; attempts: number; crashes: number };

let games = 0;

/** Plays a game in a directory of its own, which is removed. `planted` puts something wrong between the daemon and its ledger. */
export async function play(game: Game, place: string, planted: Planted = (stream) => stream): Promise<Played> {
  const directory = join(place, `game-${games++}`);
  mkdirSync(directory, { recursive: true });
  const table = setTable(game, directory, planted);
  const played = (difference: Difference | null): Played => ({ difference, ...table.told });
  let step = -1;
  try {
    for (; step < game.steps.length; step++) {
      await table.act(game.steps[step] ?? null);
      const texts = table.differences();
      if (texts.length > 0) return played({ step, texts });
    }
    return played(null);
  } catch (error) {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return played({ step, texts: [...table.model.wrong, words] });
  } finally {
    table.clear();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The smallest game found that still fails, within so many more plays. */
export async function shrunk(game: Game, place: string, planted?: Planted, plays = 400): Promise<Game> {
  let left = plays;
  const fails = async (smaller: Game): Promise<boolean> => {
    if (left-- <= 0) return false;
    return (await play(smaller, place, planted)).difference !== null;
  };
  const first = (await play(game, place, planted)).difference;
  let smallest: Game = { ...game, steps: game.steps.slice(0, (first?.step ?? game.steps.length) + 1) };

  for (let size = Math.ceil(smallest.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.steps.length; ) {
      const smaller = { ...smallest, steps: smallest.steps.toSpliced(at, size) };
      if (await fails(smaller)) smallest = smaller;
      else at += size;
    }
  }
  for (const consumer of smallest.consumers) {
    const smaller = { ...smallest, consumers: smallest.consumers.filter((one) => one.name !== consumer.name) };
    if (smaller.consumers.length > 0 && (await fails(smaller))) smallest = smaller;
  }
  for (let at = 0; at < smallest.steps.length; at++) {
    const step = smallest.steps[at];
    if (step?.kind !== "publish") continue;
    for (let event = 0; event < step.events.length; event++) {
      const fewer: Step = { ...step, events: step.events.toSpliced(event, 1) };
      const smaller = { ...smallest, steps: smallest.steps.with(at, fewer) };
      if (fewer.events.length > 0 && (await fails(smaller))) {
        smallest = smaller;
        at--;
        break;
      }
    }
  }
  return smallest;
}

/** A difference in one text: what differs, after which steps, of which consumers. */
export function told(game: Game, { step, texts }: Difference): string {
  const steps = game.steps.slice(0, step + 1).map((one, at) => `  ${at}. ${JSON.stringify(one)}`);
  return [
    `seed ${game.seed}, after step ${step} of ${game.steps.length}:`,
    ...texts.map((text) => `  ${text}`),
    ...steps,
  ].join("\n");
}

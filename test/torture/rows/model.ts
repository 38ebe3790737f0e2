// The model test: random steps are done to a daemon's core (the real ledger on a real file, the real dispatchers, time and
// workers by hand) and to a model of it that is as simple as can be. After every step both must be in the same state.

import { PLANTED } from "../model-planted.ts";
import { play, shrunk, told } from "../model-play.ts";
import { drawGame } from "../model-steps.ts";
import type { Planted } from "../model-table.ts";
import type { Context, Row, Seen } from "../row.ts";

const STEPS = 50;
/** Making a game smaller takes long; one is enough to begin with. */
const MOST_FINDINGS = 3;

async function run(context: Context): Promise<Seen> {
  const counts = { games: 0, steps: 0, events: 0, attempts: 0, crashes: 0, "unequal states": 0 };
  const findings: string[] = [];
  for (let number = 0; number < context.cases && findings.length < MOST_FINDINGS; number++) {
    if (context.signal.aborted) break;
    const game = drawGame(context.dice.fork(number), `${number}`, STEPS);
    const { difference, events, attempts, crashes } = await play(game, context.place);
    counts.games++;
    counts.steps += STEPS;
    counts.events += events;
    counts.attempts += attempts;
    counts.crashes += crashes;
    context.say(`${number} of ${context.cases}`);
    if (difference === null) continue;
    counts["unequal states"]++;
    findings.push(await smallest(game, context));
  }
  return { counts, findings };
}

/** What is told of a game that fails: the smallest one found, and what differs in it. */
async function smallest(game: ReturnType<typeof drawGame>, { place }: Context, planted?: Planted): Promise<string> {
  const small = await shrunk(game, place, planted);
  const { difference } = await play(small, place, planted);
  if (difference === null) throw new Error(`game ${game.seed} does not play the same way twice`);
  return `${told(small, difference)}\n  as a test: ${JSON.stringify(small)}`;
}

/** Every planted mistake has to be found within so many games. */
async function runPlanted(context: Context): Promise<Seen> {
  const counts: Record<string, number> = {};
  const findings: string[] = [];
  for (const [name, planted] of Object.entries(PLANTED)) {
    for (let number = 0; counts[name] === undefined && number < context.cases; number++) {
      if (context.signal.aborted) return { counts, findings };
      const game = drawGame(context.dice.fork(`${name}/${number}`), `${number}`, STEPS);
      const { difference } = await play(game, context.place, planted);
      context.say(`${name}: game ${number}`);
      if (difference === null) continue;
      counts[name] = number + 1;
      findings.push(`${name}: ${difference.texts[0]}`);
    }
    if (counts[name] === undefined) throw new Error(`not found in ${context.cases} games: ${name}`);
  }
  return { counts, findings };
}

export const row: Row = {
  name: "model",
  title: `${STEPS} random steps to a daemon's core and to a simple model, with a virtual clock and a real SQLite file`,
  must: "equal states after every step",
  cases: 500,
  missing: () => null,
  run,
  control: { title: "five mistakes planted in the ledger; games until each was found", cases: 100, run: runPlanted },
};

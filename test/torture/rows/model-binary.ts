// The model test through the real binary: random steps by the commands that people use, with real workers, and the daemon killed
// in the middle. Whenever it has come to rest, the ledger must hold what the model says, event by event.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Dice } from "../dice.ts";
import { inLanes } from "../lanes.ts";
import {
  drawFiledConsumer,
  EXIT_CODES,
  expectedLines,
  FILES,
  type FiledConsumer,
  type ModelHome,
  openModelHome,
} from "../model-home.ts";
import { makeQuietModel, type QuietModel } from "../model-quiet.ts";
import type { Context, Row, Seen } from "../row.ts";
import { makeVariant } from "../variant.ts";

const STEPS = 10;
const CONSUMERS = 3;
const AT_ONCE = 3;
/** Mostly everything is settled within a second. */
const DRAIN = "20s";
/** A kill comes this long after a publish at most, in ms. */
const KILL_WITHIN_MS = 120;
const KINDS = [
  "publish",
  "publish",
  "publish",
  "crash",
  "crash",
  "crash",
  "restart",
  "verdict",
  "verdict",
  "files",
  "pause",
  "resume",
  "replay",
  "retry",
  "retry",
  "purge",
  "prune",
  "forget",
] as const;

type Table = {
  dice: Dice;
  home: ModelHome;
  quiet: QuietModel;
  filed: readonly FiledConsumer[];
  /** What was done, for people. */
  told: string[];
  counts: { events: number; kills: number };
};

async function run(context: Context): Promise<Seen> {
  const counts = { games: 0, events: 0, kills: 0, deliveries: 0, "unequal states": 0 };
  const findings: string[] = [];
  await inLanes({ count: context.cases, atOnce: AT_ONCE, signal: context.signal }, async (number) => {
    const { difference, told, events, kills, deliveries } = await playGame(context, number);
    counts.games++;
    counts.events += events;
    counts.kills += kills;
    counts.deliveries += deliveries;
    context.say(`${counts.games} of ${context.cases}`);
    if (difference === null) return;
    counts["unequal states"]++;
    findings.push(`game ${number}: ${difference}\n  ${told.join("\n  ")}`);
  });
  return { counts, findings };
}

async function playGame(context: Context, number: number) {
  const counts = { events: 0, kills: 0 };
  const dice = context.dice.fork(number);
  const place = join(context.place, `game-${number}`);
  mkdirSync(place);
  const home = openModelHome(place, context.binary, context.undo);
  const filed = Array.from({ length: CONSUMERS }, (_, at) => drawFiledConsumer(dice, `c${at}`, place));
  const quiet = makeQuietModel(filed.map((one) => one.consumer));
  const told = filed.map(({ consumer, toml }) => `${consumer.name}: ${toml.trim().replaceAll("\n", ", ")}`);
  const table: Table = { dice, home, quiet, filed, told, counts };
  for (const one of filed) home.setConsumer(one, true);
  for (const letter of FILES) {
    setFile(table, letter, true);
    for (const { consumer } of filed) setVerdict(table, consumer.name, letter);
  }
  await home.start();
  let difference: string | null = null;
  for (let step = 0; step < STEPS && difference === null && !context.signal.aborted; step++) {
    await act(table, dice.pick(KINDS));
    difference = await differenceAtRest(table);
  }
  await home.stop("SIGKILL");
  return { difference, deliveries: quiet.deliveries(), told, ...counts };
}

/** Waits until everything is settled that can be, and compares. */
async function differenceAtRest({ home, quiet }: Table): Promise<string | null> {
  const { exitCode, stdout, stderr } = await home.node.run("drain", "--timeout", DRAIN);
  // 1: what is paused has something left to do.
  if (exitCode !== 0 && exitCode !== 1) return `it does not come to rest (${exitCode}): ${stdout}${stderr}`;
  quiet.comeToRest();
  const [seen, expected] = [home.seen(), expectedLines(quiet.model)];
  const extra = seen.filter((line) => !expected.includes(line));
  const missing = expected.filter((line) => !seen.includes(line));
  if (extra.length + missing.length > 0)
    return `the ledger has\n    ${extra.join("\n    ")}\n  and the model\n    ${missing.join("\n    ")}`;
  return seen.join("\n") === expected.join("\n") ? null : `the same in another order: ${seen.join("; ")}`;
}

async function act(table: Table, kind: (typeof KINDS)[number]): Promise<void> {
  const { dice, home, quiet, filed, told } = table;
  const one = dice.pick(filed);
  const { name } = one.consumer;
  const letter = dice.pick(FILES);
  switch (kind) {
    case "publish":
      return publish(table, dice.between(1, 6));
    case "crash": {
      await publish(table, dice.between(3, 8));
      const afterMs = dice.below(KILL_WITHIN_MS);
      await Bun.sleep(afterMs);
      told.push(`SIGKILL after ${afterMs} ms`);
      await home.stop("SIGKILL");
      table.counts.kills++;
      if (dice.chance(0.5)) await publish(table, 2);
      return start(table);
    }
    case "restart":
      told.push("SIGTERM");
      await home.stop("SIGTERM");
      return start(table);
    case "verdict":
      setVerdict(table, name, letter);
      return publish(table, 2);
    case "files":
      setFile(table, letter, dice.chance(0.6));
      return publish(table, 2);
    case "pause":
    case "resume":
      await command(table, kind, name);
      quiet.setPaused(name, kind === "pause");
      return publish(table, 1);
    case "replay": {
      const type = dice.pick(["tick", "tock", null]);
      await command(table, "replay", "--consumer", name, ...(type === null ? ["--all"] : ["--type", type]));
      return quiet.replay(name, type);
    }
    case "retry":
    case "purge": {
      const whose = dice.chance(0.5) ? null : name;
      await command(table, "dead-letters", kind, ...(whose === null ? ["--all"] : ["--consumer", whose]));
      return kind === "retry" ? quiet.retryDead(whose) : quiet.purgeDead(whose);
    }
    case "prune":
      await command(table, "prune", "--older-than", "0s");
      return quiet.prune(home.names());
    case "forget":
      await home.stop("SIGTERM");
      home.setConsumer(one, false);
      await plainly(table, "forget", name);
      home.setConsumer(one, true);
      quiet.forget(name);
      return start(table);
    default:
      return kind satisfies never;
  }
}

async function publish({ dice, home, quiet, told, counts }: Table, events: number): Promise<void> {
  for (let published = 0; published < events; published++) {
    const letter = dice.pick(FILES);
    const event = {
      name: `e${counts.events++}`,
      type: dice.pick(["tick", "tock"]),
      letter,
      depth: dice.chance(0.1) ? 1 : 0,
    };
    await home.publish(event);
    quiet.publish({ ...event, file: home.fileOf(letter) });
    told.push(`publish ${JSON.stringify(event)}`);
  }
}

function setVerdict({ dice, home, quiet, told }: Table, consumer: string, letter: string): void {
  const exitCode = dice.pick(EXIT_CODES);
  told.push(`${consumer} exits ${exitCode} for ${letter}`);
  home.setVerdict(consumer, letter, exitCode);
  quiet.verdicts.set(`${consumer} ${home.fileOf(letter)}`, exitCode);
}

function setFile({ home, quiet, told }: Table, letter: string, isThere: boolean): void {
  told.push(`${letter} ${isThere ? "is made" : "is deleted"}`);
  home.setFile(letter, isThere);
  if (isThere) quiet.files.add(home.fileOf(letter));
  else quiet.files.delete(home.fileOf(letter));
}

async function start({ home, quiet }: Table): Promise<void> {
  await home.start();
  quiet.opened();
}

/** A command that must go well: by the daemon, or now and then while none runs. */
async function command(table: Table, ...words: string[]): Promise<void> {
  if (table.dice.chance(0.7)) return plainly(table, ...words);
  table.told.push("SIGTERM");
  await table.home.stop("SIGTERM");
  await plainly(table, ...words);
  await start(table);
}

async function plainly({ home, told }: Table, ...words: string[]): Promise<void> {
  told.push(`offhook ${words.join(" ")}`);
  const { exitCode, stdout, stderr } = await home.node.run(...words);
  if (exitCode !== 0) throw new Error(`offhook ${words.join(" ")} ended with ${exitCode}: ${stdout}${stderr}`);
}

export const row: Row = {
  name: "model-binary",
  title: `${STEPS} random steps by offhook's commands, with real workers and kills of the daemon, and the same steps to a model`,
  must: "equal states whenever everything is settled that can be",
  cases: 20,
  missing: () => (process.platform === "linux" ? null : "needs /proc"),
  run,
  control: {
    title: "an offhook whose dead letters keep their count when they are tried again",
    cases: 16,
    async run(context) {
      const replacements = [
        {
          file: "src/ledger/people.ts",
          from: "due_ms = NULL, counted = 0, cut_offs",
          to: "due_ms = NULL, cut_offs",
        },
      ];
      const binary = await makeVariant({ name: "kept-count", place: context.place, replacements });
      return run({ ...context, binary });
    },
  },
};

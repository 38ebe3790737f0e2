// SIGKILL of `consume` at random moments of its life, from the first, while 8 publishers work and three consumers run: one that
// always goes well, one whose workers fail (and are tried again, or are dead letters on purpose), one whose workers hang.
//
// Publishing keeps pace with the kills, so that there is something to do in every life and not all of it. After the last kill
// one daemon finishes the rest. Then everything is checked by id (delivery-check.ts).
import { join } from "node:path";
import { endAllOf, startConsume } from "../consume.ts";
import { checkDeliveries, countRuns, type Published } from "../delivery-check.ts";
import type { Dice } from "../dice.ts";
import { comesToRest, leftToDo, mostCutOffs, readLedger } from "../ledger-seen.ts";
import { comes, openNode } from "../node.ts";
import { startPublisher } from "../publisher.ts";
import type { Context, Row, Seen } from "../row.ts";
import { type Kind, readRuns, writeWorker } from "../runs.ts";
import { makeVariant } from "../variant.ts";

const EVENTS_A_KILL = 25;
const PUBLISHERS = 8;
const KEYS = 31;
/** One event in three is an Edit, which is all that `hanging` wants. */
const EDIT_EVERY = 3;
const isEdit = (name: string) => Number(name.split(".")[0]) % EDIT_EVERY === 0;
const CONSUMERS = [
  { name: "steady", tools: '["Write", "Edit"]', wants: () => true },
  { name: "failing", tools: '["Write", "Edit"]', wants: () => true },
  { name: "hanging", tools: '["Edit"]', wants: isEdit },
];
const CONCURRENCY = 4;
/** Most lives are short: the daemon is killed while it starts, recovers, takes in, decides. Some last until a worker times out. */
const SHORT_MS = 300;
const LONG_MS = 1200;
const LONG_SHARE = 0.08;
const TIMEOUT_MS = 400;
/** Ten cut-offs in a row are a dead letter, rightly. So that none comes of our kills alone, each fourth life lasts until nothing
 *  that waits was cut off more than four times: four lives later that is eight. */
const SPARE_EVERY = 4;
const SPARED_CUT_OFFS = 4;

async function killConsume({ binary, place, cases, dice, say, undo, signal }: Context): Promise<Seen> {
  const home = join(place, "home");
  const runs = join(place, "runs");
  const node = openNode(home, binary, undo);
  undo(() => endAllOf(home));
  await Bun.write(join(home, "config.toml"), `name = "torture"\nworkers = ${CONCURRENCY * CONSUMERS.length}\n`);
  for (const { name, tools } of CONSUMERS) {
    const words = writeWorker(join(place, name), runs, name);
    node.consumer(
      name,
      `on = ["PostToolUse"]
tools = ${tools}
start = "earliest"
run = ${JSON.stringify(words)}
concurrency = ${CONCURRENCY}
timeout = "${name === "hanging" ? TIMEOUT_MS : 60_000}ms"
retry = { max = 3, backoff = "20ms", max_backoff = "100ms" }
`,
    );
  }

  const findings: string[] = [];
  const counts = { kills: 0, "while starting": 0 };
  let isOver = false;
  const published: Published[] = [];
  const total = cases * EVENTS_A_KILL;
  let next = 0;
  const publisher = async () => {
    while (next < total && !signal.aborted && !isOver) {
      if (next > (counts.kills + 2) * EVENTS_A_KILL) {
        await Bun.sleep(5);
        continue;
      }
      published.push(await publish(next++));
    }
  };
  const publish = async (number: number): Promise<Published> => {
    const throws = dice.fork(`event-${number}`);
    const name = `${number}.${kindFrom(throws)}`;
    const key = `/key/${throws.below(KEYS)}`;
    const body = bodyOf(name, key, throws);
    const beganMs = performance.now();
    const ended = await startPublisher({ command: [binary, "publish"], home, name, body }).ended;
    if (ended.exitCode !== 0) findings.push(`${name}: ${JSON.stringify(ended)}`);
    return { name, key, beganMs, endedMs: performance.now(), isAcknowledged: ended.exitCode === 0 };
  };
  const killer = async () => {
    const throws = dice.fork("kills");
    while (counts.kills < cases && !signal.aborted) {
      const killAfterMs = throws.real() * (throws.chance(LONG_SHARE) ? LONG_MS : SHORT_MS);
      const life = startConsume(binary, home);
      await Promise.race([Bun.sleep(killAfterMs), life.ended]);
      if (counts.kills % SPARE_EVERY === SPARE_EVERY - 1 && (await life.isReady()))
        await comes(() => mostCutOffs(home) <= SPARED_CUT_OFFS || life.end() !== null || signal.aborted);
      life.signal("SIGKILL");
      const end = await life.ended;
      if (end !== "SIGKILL") {
        findings.push(`life ${counts.kills} ended with ${end} before it was killed: ${life.output()}`);
        break;
      }
      counts.kills++;
      if (!life.output().includes("ready:")) counts["while starting"]++;
      say(`${counts.kills} of ${cases} kills`);
    }
  };
  const publishing = Promise.all(Array.from({ length: PUBLISHERS }, publisher));
  await killer();
  if (findings.length > 0) isOver = true;
  await publishing;

  say("the last daemon finishes");
  const last = startConsume(binary, home);
  await last.isReady();
  if (!(await comesToRest(home, last)))
    findings.push(`not settled: ${JSON.stringify(leftToDo(home))}\n${last.output().slice(-2000)}`);
  last.signal("SIGTERM");
  const end = await last.ended;
  if (end !== 0) findings.push(`the last daemon ended with ${end}: ${last.output().slice(-2000)}`);

  const delivered = { published, ledger: readLedger(home), runs: readRuns(runs), consumers: CONSUMERS };
  findings.push(...checkDeliveries(delivered));
  const { extra, cutOffsInARow, ...ran } = countRuns(delivered);
  const most = counts.kills * CONCURRENCY * CONSUMERS.length;
  if (extra > most) findings.push(`${extra} extra runs, more than ${most}`);
  return {
    counts: {
      ...counts,
      acknowledged: published.filter(({ isAcknowledged }) => isAcknowledged).length,
      deliveries: delivered.ledger.deliveries.length,
      ...ran,
      "extra runs": extra,
      "cut off in a row, at most": cutOffsInARow,
      wrong: findings.length,
    },
    findings,
  };
}

function kindFrom(dice: Dice): Kind {
  const throws = dice.real();
  if (throws < 0.1) return "slow";
  if (throws < 0.2) return "fail-1";
  if (throws < 0.25) return "fail-2";
  if (throws < 0.3) return "dead";
  return throws < 0.35 ? "hang" : "ok";
}

/** A payload as Claude Code sends it, about a file that is its key; now and then a large one. */
function bodyOf(name: string, key: string, dice: Dice): Uint8Array {
  const size = dice.chance(0.01) ? 300_007 : dice.between(1, 3001);
  const content = "x = 1\n".repeat(Math.ceil(size / 6));
  const payload = {
    session_id: name,
    cwd: "/",
    hook_event_name: "PostToolUse",
    tool_name: isEdit(name) ? "Edit" : "Write",
    tool_input: { file_path: key, content },
    tool_use_id: name,
  };
  return new TextEncoder().encode(`${JSON.stringify(payload)}\n`);
}

export const row: Row = {
  name: "consume-kill",
  title: `SIGKILL of consume at random; ${EVENTS_A_KILL} events a kill by ${PUBLISHERS} publishers at once, 3 consumers, failing and hanging workers`,
  must: "0 acknowledged lost, no dead letter that no worker asked for, order by key kept, no two workers of one key, extra runs at most kills x sum of concurrency",
  cases: 200,
  missing: () => (process.platform === "linux" ? null : "needs /proc"),
  run: killConsume,
  control: {
    title: "kills of a consume that deletes files of the spool before their events are in the ledger",
    cases: 60,
    async run(context) {
      const binary = await makeVariant({
        name: "early-delete",
        place: context.place,
        replacements: [
          {
            file: "src/daemon/ingest.ts",
            from: "        const added = deps.stream.append(",
            to: "        await deps.spool.remove(read.files.map((file) => file.name));\n        const added = deps.stream.append(",
          },
        ],
      });
      const { counts, findings } = await killConsume({ ...context, binary });
      const others = findings.filter((finding) => !finding.endsWith("was acknowledged and is not in the stream"));
      if (others.length > 0) throw new Error(`something else is wrong: ${others.slice(0, 5).join("\n")}`);
      return { counts, findings };
    },
  },
};

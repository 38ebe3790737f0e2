// `consume` is frozen while a worker runs, killed, and a successor starts at once: the worker does not know of it and goes on, with
// children, some in sessions of their own, one of them without a parent. All of that must be ended before its key runs again.
//
// Each case has a home of its own. While the daemon is frozen another one is refused (exit 75), and a second event of the key comes.
// The lines that every process of the worker writes, again and again, say who was still there when (runs.ts).
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { endAllOf, processesOf, startConsume } from "../consume.ts";
import { checkDeliveries, type Published } from "../delivery-check.ts";
import { inLanes } from "../lanes.ts";
import { comesToRest, leftToDo, readLedger } from "../ledger-seen.ts";
import { comes, openNode } from "../node.ts";
import { startPublisher } from "../publisher.ts";
import type { Context, Row, Seen } from "../row.ts";
import { ROLES, readRuns, writeTree } from "../runs.ts";
import { makeVariant } from "../variant.ts";

const AT_ONCE = 10;
const FROZEN_MS = 3000;
const DEAF_SHARE = 0.16;
const CONSUMERS = [{ name: "tree", wants: () => true }];

async function freezeAndSucceed({ binary, place, cases, dice, say, undo, signal }: Context): Promise<Seen> {
  const counts = {
    frozen: 0,
    "of them deaf to TERM": 0,
    "processes left by the dead": 0,
    "refused while frozen": 0,
    overlaps: 0,
  };
  const findings: string[] = [];
  let done = 0;
  await inLanes({ count: cases, atOnce: AT_ONCE, signal }, async (number) => {
    const throws = dice.fork(number);
    const isDeaf = throws.chance(DEAF_SHARE);
    const thawless = FROZEN_MS - throws.below(100);
    const directory = join(place, String(number));
    mkdirSync(directory, { mode: 0o700 });
    const home = join(directory, "home");
    const runs = join(directory, "runs");
    const node = openNode(home, binary, undo);
    undo(() => endAllOf(home));
    const words = writeTree(join(directory, "tree"), runs);
    node.consumer("tree", `on = ["PostToolUse"]\nrun = ${JSON.stringify(words)}\ntimeout = "60s"\n`);
    const wrong: string[] = [];

    const first = startConsume(binary, home);
    await first.isReady();
    const publish = async (name: string): Promise<Published> => {
      const body = new TextEncoder().encode(JSON.stringify(payload(name)));
      const beganMs = performance.now();
      const { exitCode, stderr } = await startPublisher({ command: [binary, "publish"], home, name, body }).ended;
      if (exitCode !== 0) wrong.push(`${name} is not published: ${stderr}`);
      return { name, key: "/key", beganMs, endedMs: performance.now(), isAcknowledged: exitCode === 0 };
    };
    const published = [await publish(`${number}.${isDeaf ? "deaf" : "hang"}`)];
    const areBeating = () =>
      ROLES.every((role) => readRuns(runs).some((said) => said.what === "beat" && said.number === role));
    if (!(await comes(areBeating))) throw new Error(`case ${number}: no whole tree of a worker: ${first.output()}`);
    await Bun.sleep(throws.below(100));

    first.signal("SIGSTOP");
    const frozenAt = performance.now();
    const second = startConsume(binary, home);
    const refused = await second.ended;
    if (refused === 75 && second.output().includes(`pid ${first.pid}`)) counts["refused while frozen"]++;
    else wrong.push(`a second one beside the frozen one ended with ${refused}: ${second.output()}`);
    published.push(await publish(`${number}-next.ok`));
    await Bun.sleep(Math.max(0, thawless - (performance.now() - frozenAt)));
    first.signal("SIGKILL");
    await first.ended;
    counts.frozen++;
    if (isDeaf) counts["of them deaf to TERM"]++;
    counts["processes left by the dead"] += processesOf(home).length;

    const successor = startConsume(binary, home);
    if (!(await successor.isReady())) wrong.push(`the successor ended with ${successor.end()}: ${successor.output()}`);
    if (!(await comesToRest(home, successor)))
      wrong.push(`not settled: ${JSON.stringify(leftToDo(home))}: ${successor.output()}`);
    successor.signal("SIGTERM");
    const end = await successor.ended;
    if (end !== 0) wrong.push(`the successor ended with ${end}: ${successor.output()}`);
    const delivered = { published, ledger: readLedger(home), runs: readRuns(runs), consumers: CONSUMERS };
    const found = checkDeliveries(delivered);
    if (found.some((finding) => finding.includes(OVERLAP))) counts.overlaps++;
    const left = processesOf(home);
    if (left.length > 0) wrong.push(`${left.length} processes are left at the end`);
    await endAllOf(home);
    findings.push(...[...wrong, ...found].map((finding) => `case ${number}: ${finding}`));
    say(`${++done} of ${cases}`);
  });
  return { counts, findings };
}

/** What checkDeliveries says of a worker beside another of its key. */
const OVERLAP = "still runs";

function payload(name: string): Record<string, unknown> {
  const input = { file_path: "/key", content: "x = 1\n" };
  return {
    session_id: name,
    cwd: "/",
    hook_event_name: "PostToolUse",
    tool_name: "Write",
    tool_input: input,
    tool_use_id: name,
  };
}

export const row: Row = {
  name: "frozen-successor",
  title: `consume frozen for ${FROZEN_MS / 1000} s beside its worker, killed, a successor at once; the worker's tree has left its group and its parent`,
  must: "the old tree is ended before its key runs again, no second daemon beside the frozen one",
  cases: 50,
  missing: () => (process.platform === "linux" && Bun.which("setsid") !== null ? null : "needs /proc and setsid"),
  run: freezeAndSucceed,
  control: {
    title: "the same with a successor that does not end what the dead one left",
    cases: 10,
    async run(context) {
      const binary = await makeVariant({
        name: "leaves-them",
        place: context.place,
        replacements: [
          {
            file: "src/daemon/recover.ts",
            from: "  await endTreeInSteps(isOurs ? groupId : null, killAfterMs, marks);",
            to: "  void [isOurs, killAfterMs, marks, endTreeInSteps];",
          },
        ],
      });
      const { counts, findings } = await freezeAndSucceed({ ...context, binary });
      const others = findings.filter((finding) => !finding.includes(OVERLAP) && !finding.endsWith("left at the end"));
      if (others.length > 0) throw new Error(`something else is wrong: ${others.slice(0, 5).join("\n")}`);
      return { counts, findings: findings.filter((finding) => finding.includes(OVERLAP)) };
    },
  },
};

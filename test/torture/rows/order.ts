// The order that is promised: if A's publish had ended before B's began, A comes first in the stream. Publishers work one event
// after the other, thousands a second, while consume is frozen and thawed at random, and killed now and then: so it lists a spool
// that is large and changes while it is listed.
import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endAllOf, type Life, startConsume } from "../consume.ts";
import { type Published, wrongStreamOrder } from "../delivery-check.ts";
import { comesToRest, leftToDo, readLedger } from "../ledger-seen.ts";
import { openNode } from "../node.ts";
import type { Context, Row, Seen } from "../row.ts";
import { makeVariant } from "../variant.ts";

const PUBLISHERS = 3;
const FROZEN_MS = 200;
const THAWED_MS = 80;
const KILL_SHARE = 0.1;
const WAITING = 5003;
const MOST_ROUNDS = 8;

async function publishInOrder({ binary, place, cases, dice, say, undo, signal }: Context): Promise<Seen> {
  const home = join(place, "home");
  const node = openNode(home, binary, undo);
  undo(() => endAllOf(home));
  node.consumer("none", 'on = ["**"]\nbuiltin = "none"\n');
  const counts = { freezes: 0, kills: 0 };
  const findings: string[] = [];

  const waiting = fillSpool(home);
  let life: Life = startConsume(binary, home);
  await life.isReady();
  const stop = join(place, "stop");
  const publishers = Array.from({ length: PUBLISHERS }, (_, lane) => publishUntil(stop, home, `lane-${lane}`));
  while (counts.freezes < cases && !signal.aborted && life.end() === null) {
    life.signal("SIGSTOP");
    await Bun.sleep(dice.real() * FROZEN_MS);
    life.signal("SIGCONT");
    counts.freezes++;
    await Bun.sleep(dice.real() * THAWED_MS);
    if (dice.chance(KILL_SHARE) && life.end() === null) {
      life.signal("SIGKILL");
      await life.ended;
      counts.kills++;
      life = startConsume(binary, home);
      await life.isReady();
    }
    say(`${counts.freezes} of ${cases} freezes`);
  }
  writeFileSync(stop, "");
  const published = (await Promise.all(publishers)).flat();
  for (const path of waiting) rmSync(path);
  if (!(await comesToRest(home, life)))
    findings.push(`not settled: ${JSON.stringify(leftToDo(home))}\n${life.output().slice(-2000)}`);
  life.signal("SIGTERM");
  const end = await life.ended;
  if (end !== 0) findings.push(`consume ended with ${end}: ${life.output().slice(-2000)}`);
  const ledger = readLedger(home);
  const names = new Set(ledger.events.map(({ session }) => session));
  for (const { name } of published) if (!names.has(name)) findings.push(`${name} is not in the stream`);
  const wrong = wrongStreamOrder({ published, ledger });
  return {
    counts: { ...counts, events: published.length, "out of order": wrong.length, wrong: findings.length },
    findings: [...findings, ...wrong],
  };
}

/** Files of one of a newer version, which consume leaves where they are. Gives their paths. */
function fillSpool(home: string): string[] {
  for (const directory of ["spool", "spool/tmp", "spool/new"]) mkdirSync(join(home, directory), { mode: 0o700 });
  const first = join(home, "newer");
  writeFileSync(first, '{"v":2,"id":"-"}\n', { mode: 0o600 });
  return Array.from({ length: WAITING }, (_, number) => {
    const path = join(home, "spool", "new", Bun.randomUUIDv7("hex", 1_700_000_000_000 + number));
    linkSync(first, path);
    return path;
  });
}

async function publishUntil(stop: string, home: string, name: string): Promise<Published[]> {
  const program = join(import.meta.dir, "..", "fast-publisher.ts");
  const child = Bun.spawn([process.execPath, "--no-env-file", program, home, name, stop], {
    env: { PATH: "/usr/bin:/bin", HOME: home, OFFHOOK_HOME: home },
    cwd: home,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [told, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (child.exitCode !== 0 || !existsSync(stop)) throw new Error(`${name} ended with ${child.exitCode}: ${stderr}`);
  return told
    .trim()
    .split("\n")
    .map((line): Published => {
      const [event = "", beganUs, endedUs] = line.split(" ");
      return {
        name: event,
        key: "",
        beganMs: Number(beganUs) / 1000,
        endedMs: Number(endedUs) / 1000,
        isAcknowledged: true,
      };
    });
}

export const row: Row = {
  name: "order",
  title: `freezes of consume, ${PUBLISHERS} publishers beside it, each one event after the other, thousands a second`,
  must: "what was published before another was begun comes before it",
  cases: 50,
  missing: () => (process.platform === "linux" ? null : "needs /proc"),
  run: publishInOrder,
  control: {
    title: "freezes of a consume that lists the spool once, not twice",
    cases: 50,
    async run(context) {
      const binary = await makeVariant({
        name: "one-readdir",
        place: context.place,
        replacements: [
          {
            file: "src/spool/collect.ts",
            from: "return readdirOrEmpty(dirs.new)\n        .filter",
            to: "return first\n        .filter",
          },
        ],
      });
      // How much comes during one listing is the disk's affair: up to so many rounds, until one has shown it.
      for (let round = 1; ; round++) {
        const place = join(context.place, `round-${round}`);
        mkdirSync(place, { mode: 0o700 });
        const dice = context.dice.fork(round);
        const { counts, findings } = await publishInOrder({ ...context, binary, place, dice });
        if (counts.wrong !== 0) throw new Error(`something else is wrong: ${findings.slice(0, 5).join("\n")}`);
        if (findings.length > 0 || round === MOST_ROUNDS) return { counts: { rounds: round, ...counts }, findings };
      }
    },
  },
};

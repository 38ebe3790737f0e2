// The benchmark's looks at the daemon, through the built binary: small ones, judged by what they count, not by how fast.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { spawnBare } from "../src/limits/bare.ts";
import { measureDeliveries } from "../src/limits/deliveries.ts";
import { measureFanOut } from "../src/limits/fan-out.ts";
import { makeLarge, measureLarge } from "../src/limits/large-ledger.ts";
import { measureMemory } from "../src/limits/private-memory.ts";
import { startDaemon } from "../src/measure/daemon.ts";
import { measureIntake } from "../src/measure/intake.ts";
import { measureLatency } from "../src/measure/latency.ts";
import { lookIntoLedger } from "../src/measure/ledgers.ts";
import { openProcessorClock } from "../src/measure/processor-clock.ts";
import { makeScratch } from "../src/measure/scratch.ts";
import { BINARY } from "./binary.ts";

const recorded = readFileSync(new URL("./fixtures/claude-code-2.1.329.jsonl", import.meta.url), "utf8");
const AT_ONCE = { calmMs: 0, lookMs: 50 };
const PATIENCE_MS = 60_000;

async function inScratch<T>(look: (scratch: ReturnType<typeof makeScratch>) => Promise<T>): Promise<T> {
  const scratch = makeScratch();
  try {
    return await look(scratch);
  } finally {
    scratch.end();
  }
}

test(
  "a backlog is taken in and counted by id, and every consumer settles all of it",
  async () => {
    const plan = { events: 1_009, consumers: 2, idle: AT_ONCE };
    const intake = await inScratch((scratch) => measureIntake(plan, BINARY, scratch, recorded));
    expect(intake).toMatchObject({ events: 1_009, consumers: 2, left: 0, settled: { deliveries: 2_018, left: 0 } });
    expect(intake.perSecond).toBeCloseTo((1_009 / intake.tookMs) * 1000, 5);
    expect(intake.memory.rssKib).toBeGreaterThan(1_000);
    expect(intake.idle?.memory.rssKib).toBeGreaterThan(1_000);
  },
  PATIENCE_MS,
);

test(
  "each publish is timed until its own worker's start",
  async () => {
    const { timesMs, idle } = await inScratch((scratch) =>
      measureLatency({ events: 7, idle: AT_ONCE }, BINARY, scratch, recorded),
    );
    // Where date tells no nanoseconds (older macOS) there is no figure.
    const isTold = /^\d{19}\n$/.test(Bun.spawnSync(["date", "+%s%N"]).stdout.toString());
    expect(timesMs?.length ?? null).toBe(isTold ? 7 : null);
    // A worker cannot start before its event was published.
    expect((timesMs ?? []).every((ms) => ms > 0)).toBe(true);
    expect(idle.memory.rssKib).toBeGreaterThan(1_000);
  },
  PATIENCE_MS,
);

const IS_LINUX = process.platform === "linux";
const figures = (rows: readonly { figure: string; base: number; measured: number | null }[]) =>
  rows.map(({ figure, base, measured }) => [figure, base > 0, measured !== null && measured > 0]);

test(
  "commands are timed beside bare ones, for each concurrency",
  async () => {
    const plans = [1, 3].map((concurrency) => ({ concurrency, events: 7, turns: 1 }));
    const part = await inScratch((scratch) => measureDeliveries(plans, BINARY, scratch));
    expect(figures(part.rows)).toEqual([
      ["1 at once", true, true],
      ["3 at once", true, true],
    ]);
  },
  PATIENCE_MS,
);

test("bare processes run so many at a time, get their stdin whole, and end the measuring when one fails", async () => {
  await inScratch(async (scratch) => {
    const bare = (script: string) => ({
      argv: ["/bin/sh", "-c", script],
      env: { PATH: "/usr/bin:/bin" },
      cwd: scratch.path,
      stdin: Buffer.alloc(2_003, "x"),
    });
    // Each waits until three are there: with fewer at a time none would ever end.
    const meet = 'touch "at-$$"; while [ "$(ls | grep -c at-)" -lt 3 ]; do sleep 0.01; done; test "$(wc -c)" -eq 2003';
    expect(await spawnBare(3, 3, bare(meet))).toBeGreaterThan(0);
    await expect(spawnBare(2, 1, bare("exit 7"))).rejects.toThrow("ended with 7");
  });
});

test(
  "what one and five consumers cost is measured, and the intake while they are paused",
  async () => {
    const part = await inScratch((scratch) =>
      measureFanOut({ events: 211, rounds: 1 }, BINARY, scratch, recorded, openProcessorClock()),
    );
    expect(part.rows.map(({ measured }) => measured === null)).toEqual(Array(3).fill(!IS_LINUX));
    // Of the intake so little is left here that noise may be more.
    if (IS_LINUX) expect(part.rows[0]?.measured).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);

test(
  "memory is sampled over all deliveries",
  async () => {
    const plan = { events: 1_301, consumers: 2, samples: 8 };
    const part = await inScratch((scratch) => measureMemory(plan, BINARY, scratch, recorded));
    expect(part.title).toBe("private memory over 2,602 deliveries");
    expect(part.rows.map(({ measured }) => measured === null)).toEqual([!IS_LINUX]);
    if (IS_LINUX) expect(part.rows[0]?.measured).toBeGreaterThan(1);
  },
  PATIENCE_MS,
);

test(
  "ledgers are filled as a daemon would have, looked into, and delivered from",
  async () => {
    const plan = { small: 103, large: 1_009, rounds: 2, turns: 1, events: 31 };
    await inScratch(async (scratch) => {
      const homes = makeLarge(plan, scratch);
      const look = lookIntoLedger(homes.large);
      expect(look.settled()).toBe(100);
      const part = await measureLarge(plan, homes, BINARY, scratch, recorded, openProcessorClock());
      expect(figures(part.rows)).toEqual([
        ["status --json", true, true],
        ["events --limit 20 --json", true, true],
        ["deliveries --limit 20 --json", true, true],
        ["a delivery, processor time", IS_LINUX, IS_LINUX],
      ]);
      // Two turns of deliveries came on top, the first of which is a warm-up.
      expect(look.settled()).toBe(162);
      look.close();
      const env = scratch.envOf(homes.large);
      const asked = Bun.spawnSync([BINARY, "status", "--json"], { env, stdin: "ignore" });
      const { stream, consumers } = JSON.parse(asked.stdout.toString());
      expect(stream.events).toBe(1_071);
      expect(consumers).toMatchObject([{ name: "none", lag: 0, pending: 0, ok: 162, dead: 0 }]);
    });
  },
  PATIENCE_MS,
);

test("a daemon that cannot start is told with its own words", async () => {
  await inScratch(async (scratch) => {
    const home = scratch.makeHome({});
    await Bun.write(`${home}/config.toml`, "workers = 'many'\n");
    const daemon = startDaemon(BINARY, home, scratch);
    await expect(daemon.within(20_000, 20, () => false)).rejects.toThrow(/^the daemon ended with 78: error: /);
    await daemon.stop();
  });
});

// The benchmark's looks at the daemon, through the built binary: small ones, judged by what they count, not by how fast.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startDaemon } from "../src/bench/daemon.ts";
import { measureIntake } from "../src/bench/intake.ts";
import { measureLatency } from "../src/bench/latency.ts";
import { makeScratch } from "../src/bench/scratch.ts";
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

test("a daemon that cannot start is told with its own words", async () => {
  await inScratch(async (scratch) => {
    const home = scratch.makeHome({});
    await Bun.write(`${home}/config.toml`, "workers = 'many'\n");
    const daemon = startDaemon(BINARY, home, scratch);
    await expect(daemon.within(20_000, 20, () => false)).rejects.toThrow(/^the daemon ended with 78: error: /);
    await daemon.stop();
  });
});

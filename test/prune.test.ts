// prune: what was settled long ago goes; what is still to do stays, and so do dead letters with their events.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inThisWay, untilIts, WAYS, well } from "./either-way.ts";
import { openGuarded } from "./guarded.ts";
import { type Daemon, type Running, wrote } from "./running.ts";

let on: Running;
let daemon: Daemon;
beforeEach(() => {
  on = openGuarded();
});
afterEach(() => on.end());

const prune = async (...args: string[]) => JSON.parse(await well(on, ["prune", "--json", ...args]));
const seqs = async () => (await on.ndjson(["events"])).map((event) => event.seq);

/** Five events: lint makes a dead letter of the second, and everything else of them is settled. */
async function settledPast(): Promise<void> {
  on.consumer("lint", `on = ["PostToolUse"]\nshell = 'case "$OFFHOOK_FILE" in *bad*) exit 100;; esac'\n`);
  on.consumer("log", `on = ["PostToolUse"]\nbuiltin = "none"\n`);
  daemon = await on.start();
  for (const name of ["1.py", "bad.py", "3.py", "4.py"]) await on.publish(wrote(on.file(name)));
  await untilIts(on, "lint", { ok: 3, dead: 1, lag: 0 });
  await untilIts(on, "log", { ok: 4, lag: 0 });
  expect(await seqs()).toEqual([1, 2, 3, 4, 5]); // With the event of the dead letter.
}

describe.each(WAYS)("%s", (way) => {
  test("goes what a dry run said would go, and nothing else", async () => {
    await settledPast();
    await inThisWay(way, daemon);
    const would = await prune("--older-than", "0s", "--dry-run");
    expect(would).toMatchObject({ dryRun: true, deliveries: 7, events: 2 + 1 });
    expect(await seqs()).toEqual([1, 2, 3, 4, 5]);
    expect(await prune("--older-than", "0s")).toMatchObject({ dryRun: false, deliveries: 7, events: 3 });
    // The event of a dead letter, and the last one, which tells the largest seq.
    expect(await seqs()).toEqual([2, 5]);
    expect(await on.ndjson(["deliveries"])).toMatchObject([{ consumer: "lint", state: "dead", seqs: [2] }]);
    expect((await on.status()).stream).toEqual({ events: 2, firstSeq: 2, lastSeq: 5 });
    expect(await prune("--older-than", "0s")).toMatchObject({ deliveries: 0, events: 0 });
  });

  test("nothing that is younger than was said goes, and retention's age is said by default", async () => {
    await settledPast();
    await inThisWay(way, daemon);
    expect(await well(on, ["prune", "--older-than", "1h"])).toContain("Let go of 0 deliveries and 0 events");
    expect(await well(on, ["prune", "--dry-run"])).toContain("settled more than 7 d ago. Nothing was done.");
    writeFileSync(join(on.home, "config.toml"), 'retention = { age = "2d" }\n', { mode: 0o600 });
    expect(await well(on, ["prune"])).toContain("settled more than 2 d ago");
    expect(await seqs()).toHaveLength(5);
  });
});

test("what a paused consumer has not done stays", async () => {
  await settledPast();
  await well(on, ["pause", "log"]);
  await on.publish(wrote(on.file("6.py")));
  await untilIts(on, "lint", { ok: 4, lag: 0 });
  expect(await prune("--older-than", "0s")).toMatchObject({ deliveries: 8 });
  expect(await seqs()).toContain(6);
  await well(on, ["resume", "log"]);
  await untilIts(on, "log", { ok: 5, lag: 0 });
});

test("where no daemon has run there is nothing to prune, and a wrong age is told", async () => {
  expect(await well(on, ["prune"])).toBe("Nothing to prune: no daemon has run in this home.\n");
  expect(await prune()).toMatchObject({ events: 0, deliveries: 0 });
  for (const age of ["7", "soon", "-1d", "1.5h"]) {
    const ran = await on.offhook(["prune", `--older-than=${age}`]);
    expect([ran.exitCode, ran.stderr]).toEqual([64, expect.stringContaining(`not "${age}"`)]);
  }
});

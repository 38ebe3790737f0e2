// `offhook try` for a consumer of the cluster: which partition, whose file, what is remembered where; and what is said without [cluster].
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { EXIT } from "../src/errors.ts";
import { type Machine, openMachine } from "./fresh-machine.ts";

let on: Machine;
beforeEach(() => {
  on = openMachine();
  mkdirSync(on.home, { mode: 0o700 });
  mkdirSync(`${on.home}/consumers`, { mode: 0o700 });
});
afterEach(() => on.end());

const payload = JSON.stringify({ hook_event_name: "Stop", session_id: "s1", cwd: "/" });
const clustered = () =>
  on.write(".offhook/config.toml", 'name = "mine"\n[cluster]\nurl = "redis://127.0.0.1:9"\n', 0o600);
const consumer = (lines: string) =>
  on.write(".offhook/consumers/alert.toml", `on = ["Stop"]\nscope = "cluster"\n${lines}\n`, 0o600);

test("it says the partition of the key, the same each time, and asks no Redis", async () => {
  clustered();
  consumer('builtin = "log"\npartitions = 8\ndedup = "10s"');
  const tried = await on.json(["try", "alert"], { stdin: payload });
  expect(tried).toMatchObject({ decision: "deliver", key: "mine:s1", cluster: { partitions: 8 } });
  expect(tried.cluster.partition).toBeWithin(0, 8);
  expect((await on.json(["try", "alert"], { stdin: payload })).cluster).toEqual(tried.cluster);
  const { stdout, exitCode } = await on.run(["try", "alert"], { stdin: payload });
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`partition ${tried.cluster.partition} (of 8, from 0)`);
  expect(stdout).toContain("dedup     10s; what is remembered of this key is in Redis, and was not looked at");
  expect(stdout).toContain("=> would be delivered");
});

test("it says that a file may be on another machine, where the command names one", async () => {
  clustered();
  consumer('run = ["cat", "--", "{file}"]');
  const { flow } = await on.json(["try", "alert"], { stdin: payload });
  expect(flow).toEqual([{ rule: "cluster", text: expect.stringContaining("may not be on that machine") }]);
  consumer('run = ["cat"]');
  expect((await on.json(["try", "alert"], { stdin: payload })).flow).toEqual([]);
});

test("without [cluster] the consumer is broken, and both files are named", async () => {
  consumer('builtin = "log"');
  const { exitCode, stderr } = await on.run(["try", "alert"], { stdin: payload });
  expect(exitCode).toBe(EXIT.config);
  expect(stderr).toContain('consumers/alert.toml:2: scope = "cluster" needs [cluster] in config.toml of this node');
});

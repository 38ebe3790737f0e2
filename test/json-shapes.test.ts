// The shapes of --json are a promise: keys may be added here, never taken away.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { openRunning, type Running, wrote } from "./running.ts";

let on: Running;
beforeAll(async () => {
  on = openRunning();
  on.consumer("lint", `on = ["PostToolUse"]\nshell = "echo said; exit 3"\nfindings = [3]\n`);
  on.consumer("late", `on = ["PostToolUse"]\nenabled = false\nbuiltin = "none"\n`);
  await on.start();
  await on.publish(wrote(on.file("a.py")));
  await on.settled();
});
afterAll(() => on.end());

const keysOf = (value: object) => Object.keys(value).sort();
const sorted = (keys: string) => keys.split(" ").sort();

test("status", async () => {
  const status = await on.status();
  expect(keysOf(status)).toEqual(sorted("version node home configError daemon spool stream consumers"));
  expect(keysOf(status.daemon)).toEqual(sorted("running pid startedAt answers"));
  expect(keysOf(status.spool)).toEqual(sorted("waiting bad newer oldestMs"));
  expect(keysOf(status.stream)).toEqual(sorted("events firstSeq lastSeq"));
  for (const consumer of status.consumers) {
    expect(keysOf(consumer)).toEqual(
      sorted(
        "name state error lag pending held ready running backoff dead ok findings failed skipped oldestMs lastOutcomeAt",
      ),
    );
  }
});

test("events", async () => {
  const [event] = await on.ndjson(["events"]);
  expect(keysOf(event)).toEqual(
    sorted(
      "specversion id source type time subject datacontenttype node sessionid tool tooluseid project depth seq data",
    ),
  );
});

test("deliveries, and those that were skipped", async () => {
  const [delivery] = await on.ndjson(["deliveries"]);
  expect(keysOf(delivery)).toEqual(sorted("id consumer key seqs eventIds state reason attempts"));
  expect(keysOf(delivery.attempts[0])).toEqual(
    sorted("number startedAt durationMs outcome exitCode signal stdout stderr reason"),
  );
  expect(delivery).toMatchObject({ state: "findings", attempts: [{ exitCode: 3, stdout: "said\n" }] });
  const [skip] = await on.ndjson(["deliveries", "--skipped"]);
  expect(keysOf(skip)).toEqual(sorted("consumer seq eventId key reason at"));
  expect(skip.reason).toBe("disabled");
});

test("show and try", async () => {
  const shown = JSON.parse((await on.offhook(["show", "1", "--json"])).stdout);
  expect(keysOf(shown)).toEqual(sorted("event deliveries skips"));
  const tried = JSON.parse((await on.offhook(["try", "lint", "--event", "1", "--json"])).stdout);
  expect(keysOf(tried)).toEqual(sorted("consumer event matched rules key decision reason plan"));
});

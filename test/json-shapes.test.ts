// The shapes of --json are a promise: keys may be added here, never taken away.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { openPlanted } from "./planted-cluster.ts";
import { noRedis, redisProgram } from "./redis-server.ts";
import { openRunning, type Running, wrote } from "./running.ts";

let on: Running;
beforeAll(async () => {
  on = openRunning();
  on.consumer("lint", `on = ["PostToolUse"]\nshell = "echo said; exit 3"\nfindings = [3]\n`);
  on.consumer("late", `on = ["PostToolUse"]\nenabled = false\nbuiltin = "none"\n`);
  on.consumer("dead", `on = ["PostToolUse"]\nshell = "exit 100"\n`);
  await on.start();
  await on.publish(wrote(on.file("a.py")));
  await on.settled();
});
afterAll(() => on.end());

const keysOf = (value: object) => Object.keys(value).sort();
const sorted = (keys: string) => keys.split(" ").sort();

test("status", async () => {
  const status = await on.status();
  expect(keysOf(status)).toEqual(
    sorted("version node home configError daemon spool stream trouble damagedLedgers projectFiles consumers"),
  );
  expect(keysOf(status.daemon)).toEqual(sorted("running pid startedAt answers"));
  expect(keysOf(status.spool)).toEqual(sorted("waiting bad newer oldestMs"));
  expect(keysOf(status.stream)).toEqual(sorted("events firstSeq lastSeq"));
  for (const consumer of status.consumers) {
    expect(keysOf(consumer)).toEqual(
      sorted(
        "name state error paused waiting lag pending held ready running backoff dead ok findings failed skipped skippedBy unsent oldestMs lastOutcomeAt holdingBack",
      ),
    );
  }
  expect(status.consumers.find((one: any) => one.name === "late").skippedBy).toEqual({ disabled: 1 });
});

test("events", async () => {
  const [event] = await on.ndjson(["events"]);
  expect(keysOf(event)).toEqual(
    sorted(
      "specversion id source type time subject datacontenttype node sessionid tool tooluseid project depth seq data",
    ),
  );
});

const DELIVERY = "id consumer key seqs eventIds state reason replay dueAt attempts";

test("deliveries, and those that were skipped", async () => {
  const [delivery] = await on.ndjson(["deliveries", "--consumer", "lint"]);
  expect(keysOf(delivery)).toEqual(sorted(DELIVERY));
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
  expect(keysOf(tried)).toEqual(sorted("consumer event matched rules key cluster before flow decision reason plan"));
  expect(keysOf(tried.before)).toEqual(sorted("deliveries skipped"));
  expect(keysOf(tried.before.deliveries[0])).toEqual(sorted("id state"));
});

const json = async (args: string[]) => JSON.parse((await on.offhook([...args, "--json"])).stdout);

test("drain and prune", async () => {
  expect(keysOf(await json(["drain"]))).toEqual(sorted("settled timedOut waitedMs spool consumers"));
  expect(keysOf(await json(["prune", "--dry-run"]))).toEqual(sorted("dryRun before events deliveries"));
  await on.offhook(["pause", "lint"]);
  await on.publish(wrote(on.file("b.txt"), { hook_event_name: "Stop" }));
  const { consumers } = await json(["drain"]);
  expect(keysOf(consumers[0])).toEqual(sorted("name state lag pending stuck"));
  await on.offhook(["resume", "lint"]);
});

test("dead letters, and what became of them", async () => {
  const [letter] = await on.ndjson(["dead-letters", "list"]);
  expect(keysOf(letter)).toEqual(sorted(DELIVERY));
  expect(await json(["dead-letters", "show", letter.id])).toEqual(letter);
  expect(await json(["dead-letters", "retry", letter.id])).toEqual({ retried: 1, ids: [letter.id] });
  await on.settled();
  expect(await json(["dead-letters", "purge", "--all"])).toEqual({ purged: 1, ids: [letter.id] });
});

test("replay", async () => {
  const would = await json(["replay", "--consumer", "lint", "--all", "--dry-run"]);
  expect(keysOf(would)).toEqual(sorted("consumer dryRun deliveries events ids first undecided"));
  expect(keysOf(would.first[0])).toEqual(sorted("key seqs"));
});

test.skipIf(redisProgram === null)(`what a cluster adds, and nothing else${noRedis}`, async () => {
  const planted = await openPlanted();
  try {
    planted.on.consumer("alert", 'on = ["render.*"]\nshell = "true"\nscope = "cluster"\n');
    await planted.events(1);
    await planted.group("alert", 1, "h");
    await planted.node("beta", { consumers: { alert: "h" } });
    const owner = await planted.owner("alert", 0);
    for (const id of owner.deliver("k")) owner.die(id);
    await owner.commit();
    const { cluster, consumers } = await planted.on.status();
    expect(keysOf(consumers[0])).toEqual(
      sorted(
        "name state error paused waiting lag pending held ready running backoff dead ok findings failed skipped skippedBy unsent oldestMs lastOutcomeAt holdingBack scope seen",
      ),
    );
    expect(keysOf(cluster)).toEqual(
      sorted("addresses unseen daemon nameTaken unsent events cap lastSeq lossAt nodes consumers unreadable"),
    );
    const NODE = "name isHere alive seenAt silentMs version startedAt forward local owned consumers";
    expect(keysOf(cluster.nodes[0])).toEqual(sorted(NODE));
    expect(keysOf(cluster.consumers[0])).toEqual(
      sorted(
        "name state partitions otherFile noFile wanted paused waiting lag pending held ready running backoff dead ok findings failed skipped skippedBy oldestMs lastOutcomeAt",
      ),
    );
    expect(keysOf(cluster.consumers[0].partitions[0])).toEqual(
      sorted("partition owner why paused asked lag pending dead"),
    );
    expect(keysOf((await planted.on.ndjson(["cluster", "nodes"]))[0])).toEqual(sorted(NODE));
    const { addresses } = JSON.parse((await planted.on.offhook(["cluster", "ping", "--json"])).stdout);
    expect(keysOf(addresses[0])).toEqual(sorted("address role server roundTripMs trouble findings"));
    expect(keysOf(addresses[0].findings[0])).toEqual(sorted("level text hint"));
    const [letter] = await planted.on.ndjson(["dead-letters"]);
    expect(keysOf(letter)).toEqual(sorted(`${DELIVERY} scope partition node`));
    await planted.node("old", { seenMs: 1, silentAfterMs: 2 });
    const forgotten = JSON.parse((await planted.on.offhook(["cluster", "forget", "old", "--json"])).stdout);
    expect(keysOf(forgotten)).toEqual(sorted("forgotten seenAt unsent"));
  } finally {
    await planted.end();
  }
});

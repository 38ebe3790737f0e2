// Real daemons on a real Redis: what several nodes do together, as their people see it. Needs redis-server.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { noRedis, type RedisServer, redisProgram, startRedis } from "./redis-server.ts";
import { type Daemon, openRunning, type Running, until } from "./running.ts";

const SHORT_LEASE = 'lease = "1s"';

let redis: RedisServer;
let nodes: Running[];

/** A home with a name of its own that shares events with the others. */
function openNode(name: string, more = SHORT_LEASE, url = redis.url): Running {
  const node = openRunning();
  writeFileSync(
    join(node.home, "config.toml"),
    `name = "${name}"\nworkers = 4\n\n[cluster]\nurl = "${url}"\n${more}\n`,
    {
      mode: 0o600,
    },
  );
  nodes.push(node);
  return node;
}

/** A command that writes a line into a file that all nodes share: which event, which node. */
const noting = (log: string, before = "") =>
  `shell = '${before}echo "$OFFHOOK_EVENT_ID $(basename "$(dirname "$OFFHOOK_HOME")")" >> ${log}'`;
const alerts = (log: string, more = "", before = "") =>
  `on = ["test.*"]\nscope = "cluster"\nkey = "{file}"\n${more}\n${noting(log, before)}\n`;
const linesOf = (log: string) => (existsSync(log) ? readFileSync(log, "utf8").split("\n").filter(Boolean) : []);
const publish = (node: Running, subject: string) =>
  node.offhook(["publish", "--type", "test.saved", "--subject", subject, "--data", "{}"]);
const ownerOf = async (name: string) => redis.cli("HGET", `{offhook}:lease:${name}`, "node");
const owners = async (consumer: string, partitions: number) =>
  Promise.all(Array.from({ length: partitions }, (_, at) => ownerOf(`${consumer}/${at}`)));
const waitForOwner = (name: string, is: (node: string) => boolean) =>
  until(
    async () => is(await ownerOf(name)),
    () => `${name} is not owned by whom it should be`,
  );
const waitForLines = (log: string, count: number) =>
  until(
    () => linesOf(log).length >= count,
    () => `${linesOf(log).length} of ${count} lines in the log`,
  );

describe.skipIf(redisProgram === null)(`several nodes${noRedis}`, () => {
  beforeEach(async () => {
    nodes = [];
    redis = await startRedis({ appendonly: true });
  });
  afterEach(async () => {
    for (const node of nodes) await node.end();
    await redis.stop();
  });

  test("one alert for a key that was saved on two nodes within the window", async () => {
    const [a, b] = [openNode("a"), openNode("b")];
    const log = join(a.root, "alerts.log");
    for (const node of [a, b]) node.consumer("alerts", alerts(log, 'dedup = "60s"'));
    await Promise.all([a.start(), b.start()]);
    await waitForOwner("alerts/0", (node) => node !== "");
    await Promise.all([publish(a, "/p/x"), publish(b, "/p/x"), publish(b, "/p/y"), publish(a, "/p/y")]);
    await until(
      async () => (await a.status()).cluster?.consumers?.[0]?.skipped === 2,
      () => "two of the four were not skipped",
    );
    await waitForLines(log, 2);
    expect(linesOf(log)).toHaveLength(2);
  });

  test("what a killed owner had not done is done elsewhere, in order, and nothing of what was done is done again", async () => {
    const [a, b] = [openNode("a"), openNode("b")];
    const log = join(a.root, "alerts.log");
    for (const node of [a, b]) node.consumer("alerts", alerts(log, "", "sleep 0.2; "));
    const daemons: Record<string, Daemon> = { a: await a.start(), b: await b.start() };
    await waitForOwner("alerts/0", (node) => node !== "");
    const ids: string[] = [];
    for (let at = 0; at < 8; at++) await publish(at % 2 === 0 ? a : b, "/p/same");
    await waitForLines(log, 2);
    const first = await ownerOf("alerts/0");
    await daemons[first]?.stop("SIGKILL");
    await waitForOwner("alerts/0", (node) => node !== first);
    const survivor = first === "a" ? b : a;
    await until(
      async () => (await survivor.status()).cluster.consumers[0].ok >= 8,
      () => "not all were done",
    );
    for (const line of linesOf(log)) ids.push(line.split(" ")[0] ?? "");
    expect(new Set(ids).size).toBe(8);
    // The one that was under way when its daemon was killed.
    expect(ids.length).toBeLessThanOrEqual(9);
    // The order of the stream: ids are by time, and each node's came one after the other.
    const firsts = [...new Set(ids)];
    expect(firsts).toEqual((await a.ndjson(["events", "--cluster", "--json"])).map((event) => event.id));
  });

  test("a node that ends hands its partitions over at once, without a lease running out", async () => {
    const [a, b] = [openNode("a", 'lease = "60s"'), openNode("b", 'lease = "60s"')];
    const log = join(a.root, "alerts.log");
    for (const node of [a, b]) node.consumer("alerts", alerts(log));
    const daemons: Record<string, Daemon> = { a: await a.start(), b: await b.start() };
    await waitForOwner("alerts/0", (node) => node !== "");
    const first = await ownerOf("alerts/0");
    await daemons[first]?.stop();
    await waitForOwner("alerts/0", (node) => node !== first);
    await publish(first === "a" ? b : a, "/p/x");
    await waitForLines(log, 1);
  });

  test("eight partitions are spread evenly, and a key is always the same one's", async () => {
    const three = [openNode("a"), openNode("b"), openNode("c")];
    const log = join(three[0]!.root, "alerts.log");
    for (const node of three) node.consumer("alerts", alerts(log, "partitions = 8"));
    for (const node of three) await node.start();
    await until(
      async () => {
        const counts = Map.groupBy(await owners("alerts", 8), (node) => node);
        return [..."abc"].every((name) => [2, 3].includes(counts.get(name)?.length ?? 0));
      },
      () => "the partitions are not spread evenly",
    );
    for (let at = 0; at < 24; at++) await publish(three[at % 3]!, `/p/${at % 6}`);
    await waitForLines(log, 24);
    expect(new Set(linesOf(log).map((line) => line.split(" ")[0])).size).toBe(24);
  });

  test("a node with another text of the file owns nothing of it", async () => {
    const three = [openNode("a"), openNode("b"), openNode("c")];
    const log = join(three[0]!.root, "alerts.log");
    for (const node of three) node.consumer("alerts", alerts(log, "partitions = 6"));
    three[0]!.consumer("alerts", alerts(log, "partitions = 6\ncooldown = '1s'"));
    for (const node of three) await node.start();
    await until(
      async () => (await owners("alerts", 6)).every((node) => node === "b" || node === "c"),
      () => "the one with the other file owns something",
    );
    const { cluster } = await three[1]!.status();
    expect(cluster.consumers[0].otherFile).toEqual(["a"]);
  });

  test("a changed file is in use once most nodes have it, without a restart", async () => {
    const [a, b] = [openNode("a"), openNode("b")];
    const log = join(a.root, "alerts.log");
    const second = join(a.root, "second.log");
    for (const node of [a, b]) node.consumer("alerts", alerts(log));
    await Promise.all([a.start(), b.start()]);
    await waitForOwner("alerts/0", (node) => node !== "");
    for (const node of [a, b]) node.consumer("alerts", alerts(second));
    let sent = 0;
    await until(
      async () => {
        await publish(a, `/p/${sent++}`);
        return linesOf(second).length > 0;
      },
      () => "the old text is still in use",
    );
  });

  test("without Redis the node's own consumers work, status says why, and what waited is forwarded when it is back", async () => {
    const a = openNode("a");
    const log = join(a.root, "alerts.log");
    const own = join(a.root, "own.log");
    a.consumer("alerts", alerts(log));
    a.consumer("own", `on = ["test.*"]\n${noting(own)}\n`);
    await a.start();
    await waitForOwner("alerts/0", (node) => node === "a");
    await publish(a, "/p/1");
    await waitForLines(log, 1);
    await redis.kill9();
    await publish(a, "/p/2");
    await publish(a, "/p/3");
    await waitForLines(own, 3);
    expect(linesOf(log)).toHaveLength(1);
    const { cluster } = await a.status();
    expect(cluster).not.toBeNull();
    await redis.restart();
    await waitForLines(log, 3);
    expect(new Set(linesOf(log).map((line) => line.split(" ")[0])).size).toBe(3);
  });

  test("a consumer that was the cluster's for a while does as the node's own what comes after that, and nothing again", async () => {
    const a = openNode("a");
    const log = join(a.root, "alerts.log");
    const own = alerts(log).replace('scope = "cluster"\n', "");
    a.consumer("alerts", own);
    const daemon = await a.start();
    await publish(a, "/p/1");
    await waitForLines(log, 1);
    // What reaches Redis after the consumer began there is its.
    await until(
      async () => (await redis.cli("XLEN", "{offhook}:events")) === "1",
      () => "the first event was not forwarded",
    );
    a.consumer("alerts", alerts(log));
    await waitForOwner("alerts/0", (node) => node === "a");
    await publish(a, "/p/2");
    await waitForLines(log, 2);
    a.consumer("alerts", own);
    await until(() => daemon.output().includes("alerts/0: given back"), daemon.output);
    await publish(a, "/p/3");
    await waitForLines(log, 3);
    // Nothing that was done in the cluster comes before it.
    await a.settled();
    expect(linesOf(log)).toHaveLength(3);
    expect(new Set(linesOf(log)).size).toBe(3);
  });

  test("a broken edit of a cluster's consumer: the last good version goes on, and is called stale", async () => {
    const a = openNode("a");
    const log = join(a.root, "alerts.log");
    a.consumer("alerts", alerts(log));
    const daemon = await a.start();
    await waitForOwner("alerts/0", (node) => node === "a");
    a.consumer("alerts", "on = [");
    await until(() => daemon.output().includes("the last good version goes on"), daemon.output);
    await publish(a, "/p/1");
    await waitForLines(log, 1);
  });

  test("two homes of one name: the second takes no part, and says how to mend it", async () => {
    const [a, twin] = [openNode("a"), openNode("a")];
    await a.start();
    await until(
      async () => (await redis.cli("HLEN", "{offhook}:nodes")) === "1",
      () => "the first has not joined",
    );
    const daemon = await twin.start();
    await until(() => daemon.output().includes('another machine is the node "a"'), daemon.output);
    await publish(twin, "/p/x");
    await publish(a, "/p/y");
    await until(
      async () => (await redis.cli("XLEN", "{offhook}:events")) === "1",
      () => "the first one's event was not forwarded",
    );
  });

  test("a missing secret keeps the node out of the cluster, not from its own work, until it is there", async () => {
    const a = openNode("a", `${SHORT_LEASE}\npassword = "\${REDIS_PASSWORD}"`);
    const own = join(a.root, "own.log");
    a.consumer("own", `on = ["test.*"]\n${noting(own)}\n`);
    const daemon = await a.start();
    await publish(a, "/p/x");
    await waitForLines(own, 1);
    expect(daemon.output()).toContain("secrets.env has no REDIS_PASSWORD");
    await redis.cli("ACL", "SETUSER", "default", "resetpass", ">hush");
    writeFileSync(join(a.home, "secrets.env"), "REDIS_PASSWORD=hush\n", { mode: 0o600 });
    await until(
      async () => (await redis.cli("XLEN", "{offhook}:events")) === "1",
      () => `not forwarded: ${daemon.output()}`,
    );
    expect(daemon.output()).not.toContain("hush");
  });
});

// What a node does with the partitions that it has when something around them goes away: Redis, the lease, the node's own wish to
// run them, a secret's old value. Through real daemons and a real Redis but for the last two, which stand on a Redis that is said.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finished, resultOf } from "../src/attempt/attempt.ts";
import { joinCluster } from "../src/cluster/cluster.ts";
import { makeSeat, type SeatDeps } from "../src/cluster/seat.ts";
import { makeWriter } from "../src/cluster/writer.ts";
import { makeSlots } from "../src/dispatch/slots.ts";
import type { Surroundings } from "../src/dispatch/surroundings.ts";
import { makeTurns } from "../src/dispatch/turns.ts";
import { makeKeys, partitionKeys } from "../src/partition/keys.ts";
import { openPartition } from "../src/partition/partition.ts";
import { type Connection, connect, RedisTrouble } from "../src/redis/connection.ts";
import type { Tail } from "../src/relay/tail.ts";
import { consumerWith, contextWith } from "./fixtures/delivery.ts";
import { noRedis, type RedisServer, redisProgram, startRedis } from "./redis-server.ts";
import { openRunning, type Running, until } from "./running.ts";
import { makeEvent } from "./stream-verbs.ts";

let redis: RedisServer;
let nodes: Running[];

function openNode(name: string, { workers = 4, lease = "60s", disabled = "" } = {}): Running {
  const node = openRunning();
  nodes.push(node);
  setUp(node, name, { workers, lease, disabled });
  return node;
}

function setUp(node: Running, name: string, { workers = 4, lease = "60s", disabled = "" }): void {
  const text = `name = "${name}"\nworkers = ${workers}\ndisabled = [${disabled}]\n\n[cluster]\nurl = "${redis.url}"\nlease = "${lease}"\n`;
  writeFileSync(join(node.home, "config.toml"), text, { mode: 0o600 });
}

const shared = (shell: string, more = "") =>
  `on = ["test.*"]\nscope = "cluster"\nkey = "{file}"\n${more}\nshell = '${shell}'\n`;
const linesOf = (log: string) => (existsSync(log) ? readFileSync(log, "utf8").split("\n").filter(Boolean) : []);
const publish = (node: Running, subject: string, type = "test.saved") =>
  node.offhook(["publish", "--type", type, "--subject", subject, "--data", "{}"]);
const waitForLines = (log: string, count: number) =>
  until(
    () => linesOf(log).length >= count,
    () => `${linesOf(log).length} of ${count} lines in the log`,
  );
const waitForOwner = (name: string, node: string) =>
  until(
    async () => (await redis.cli("HGET", `{offhook}:lease:${name}`, "node")) === node,
    () => `${name} is not owned by ${node}`,
  );

describe.skipIf(redisProgram === null)(`a node's partitions${noRedis}`, () => {
  beforeEach(async () => {
    nodes = [];
    redis = await startRedis({ appendonly: true });
  });
  afterEach(async () => {
    for (const node of nodes) await node.end();
    await redis.stop();
  });

  test("what waits for Redis to say that it may start leaves the slots to the node's own consumers", async () => {
    const a = openNode("a", { workers: 2 });
    const [log, own] = [join(a.root, "shared.log"), join(a.root, "own.log")];
    a.consumer("shared", shared(`sleep 0.2; echo x >> ${log}`, "partitions = 4\nconcurrency = 2"));
    a.consumer("own", `on = ["own.*"]\nkey = "{file}"\nshell = 'echo x >> ${own}'\n`);
    await a.start();
    await waitForOwner("shared/3", "a");
    const count = 24;
    for (let at = 0; at < count; at++) await publish(a, `/p/${at}`);
    await waitForLines(log, 2);
    await redis.kill9();
    expect(linesOf(log).length).toBeLessThan(count);
    await publish(a, "/q", "own.saved");
    await waitForLines(own, 1);
    await redis.restart();
    await waitForLines(log, count);
  });

  test("a node that is taken out for a consumer gives it back and skips nothing of it", async () => {
    const [a, b] = [openNode("a"), openNode("b")];
    const log = join(a.root, "shared.log");
    a.consumer("shared", shared(`sleep 0.1; echo "$OFFHOOK_EVENT_ID" >> ${log}`));
    await a.start();
    await waitForOwner("shared/0", "a");
    const count = 30;
    for (let at = 0; at < count; at++) await publish(a, "/p/same");
    await waitForLines(log, 1);
    setUp(a, "a", { disabled: '"shared"' });
    await until(
      async () => (await redis.cli("HGET", "{offhook}:lease:shared/0", "untilMs")) === "0",
      () => "it was not given back",
    );
    expect(linesOf(log).length).toBeLessThan(count);
    b.consumer("shared", shared(`echo "$OFFHOOK_EVENT_ID" >> ${log}`));
    await b.start();
    await waitForLines(log, count);
    expect(new Set(linesOf(log)).size).toBe(count);
  });

  test("a changed secret is in use at once, also where the file that names it stays as it is", async () => {
    const asked: string[] = [];
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        asked.push(new URL(request.url).pathname);
        return new Response();
      },
    });
    try {
      const a = openNode("a");
      const secret = (path: string) =>
        writeFileSync(join(a.home, "secrets.env"), `HOOK_URL=http://127.0.0.1:${server.port}${path}\n`, {
          mode: 0o600,
        });
      secret("/old");
      a.consumer("shared", 'on = ["test.*"]\nscope = "cluster"\nkey = "{file}"\nwebhook = { url = "${HOOK_URL}" }\n');
      await a.start();
      await waitForOwner("shared/0", "a");
      await publish(a, "/p/0");
      await until(
        () => asked.includes("/old"),
        () => `asked: ${asked.join()}`,
      );
      secret("/new");
      let sent = 1;
      await until(
        async () => {
          await publish(a, `/p/${sent++}`);
          return asked.includes("/new");
        },
        () => `asked: ${[...new Set(asked)].join()}`,
      );
    } finally {
      await server.stop(true);
    }
  });
  test("a node whose disk is full leaves its partitions to another one, and has them again when there is room", async () => {
    const consumer = consumerWith({ kind: "shell", command: "true" }, { name: "shared", scope: "cluster" });
    const full = new Set<string>();
    const enter = (name: string) => {
      const connection = connect({ urls: [redis.url], user: null, password: null, ca: null });
      const cluster = joinCluster({
        connection,
        keys: makeKeys("offhook"),
        me: { name, instance: crypto.randomUUID(), version: "0", startedMs: 0 },
        redact: (text) => text,
        ledgerId: () => name,
        leaseMs: 1_000,
        surroundings: around({ isFull: () => full.has(name) }),
        tail: nothingNew,
        forward: () => ({ lag: 0, trouble: null }),
        local: () => ({ lag: 0, pending: 0, dead: 0 }),
        publishOwn: () => undefined,
        recover: async () => 0,
        steadyNow: () => performance.now(),
        log: () => undefined,
        onJoined: () => undefined,
      });
      cluster.follow([consumer]);
      return { name, end: () => cluster.stop().then(connection.close) };
    };
    const [a, b] = [enter("a"), enter("b")];
    try {
      for (const name of ["b", "a", "b"]) {
        full.clear();
        full.add(name === "a" ? "b" : "a");
        await waitForOwner("shared/0", name);
      }
    } finally {
      await Promise.all([a.end(), b.end()]);
    }
  });
});

const keys = partitionKeys(makeKeys("seats"), "shared", 0);
const holder = { node: "a", instance: "i", epoch: 1 };
const open = () => openPartition("shared", null, { now: Date.now, startAfterSeq: 0, createdMs: 0 });
const nothingNew: Tail = {
  after: async () => null,
  onNew: () => undefined,
  forget: () => undefined,
  stop: async () => undefined,
};
const neverEnds = new Promise<never>(() => undefined);

/** A Redis that answers what it is told to. */
function saying(answer: () => unknown): Connection {
  return {
    run: async () => answer(),
    send: async () => answer(),
    isUp: () => true,
    upSinceMs: () => 0,
    trouble: () => null,
    address: () => null,
    onChange: () => undefined,
    replicas: () => 0,
    close: () => undefined,
  };
}

/** What a daemon has around it; `timers`: those that wait. */
function around({
  timers = new Set<ReturnType<typeof setTimeout>>(),
  isFull = (): boolean => false,
} = {}): Surroundings {
  return {
    stream: open().stream,
    slots: makeSlots(2),
    turns: makeTurns(),
    startAttempt: () => finished(resultOf({ outcome: "ok" })),
    planContext: (delivery) => contextWith({ ...delivery, deliveryId: delivery.id }),
    realPath: (path) => path,
    isOff: () => false,
    silencingOf: () => null,
    bootId: null,
    startTimeOf: () => null,
    now: Date.now,
    later(ms, call) {
      const timer = setTimeout(() => {
        timers.delete(timer);
        call();
      }, ms);
      timers.add(timer);
      return () => {
        clearTimeout(timer);
        timers.delete(timer);
      };
    },
    random: Math.random,
    ownEvent: () => makeEvent({}),
    onOwnEvents: () => undefined,
    onOutcome: () => undefined,
    isFull,
    onTrouble: () => false,
    fail: (error) => {
      throw error;
    },
  };
}

test("what is given back while Redis does not answer is not given up: what ran is written when it answers", async () => {
  let refusals = 40;
  const connection = saying(() => {
    if (refusals-- > 0) throw new RedisTrouble("unreachable", "away");
    return ["ok", 1, null];
  });
  const lost: string[] = [];
  let steadyMs = 0;
  const writer = makeWriter(
    {
      connection,
      keys,
      holder,
      leaseMs: 10_000,
      partition: open(),
      onLoss: () => undefined,
      publishOwn: () => undefined,
      mayWait: () => false,
      // Time passes as fast as it is waited for.
      steadyNow: () => steadyMs,
      later(ms, call) {
        const timer = setImmediate(() => {
          steadyMs += ms;
          call();
        });
        return () => clearImmediate(timer);
      },
      onLost: (why) => void lost.push(why),
      onCommitted: () => undefined,
    },
    { version: 0, heldFrom: 0 },
  );
  expect(await writer.release(neverEnds)).toBe(true);
  expect(lost).toEqual([]);
  expect(refusals).toBeLessThan(0);
});

test("a seat whose partition is another node's comes back for nothing", async () => {
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const surroundings = around({ timers });
  const { promise: left, resolve } = Promise.withResolvers<boolean>();
  const deps: SeatDeps = {
    connection: saying(() => ["lost"]),
    keys,
    holder,
    leaseMs: 10_000,
    surroundings,
    tail: nothingNew,
    steadyNow: () => performance.now(),
    publishOwn: () => undefined,
    answer: async () => false,
    log: () => undefined,
    onLost: () => resolve(seat.leave(neverEnds)),
  };
  const consumer = consumerWith({ kind: "shell", command: "true" }, { name: "shared", scope: "cluster" });
  const place = { partition: 0, partitions: 1 };
  const seat = makeSeat(consumer, place, open(), { version: 0, heldFrom: performance.now() }, deps);
  seat.advance();
  await seat.tend();
  expect(await left).toBe(false);
  // Its last turn, which was asked for while it left.
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((done) => void setImmediate(done));
  expect(timers.size).toBe(0);
});

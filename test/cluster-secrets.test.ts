// Nothing secret gets into Redis: more than 40 kinds of secrets are published through the real binary on a node of a cluster, with
// cluster consumers whose workers say them and fail; then everything that Redis holds is read. Needs redis-server.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { payloadsWith, plantedSecrets, traceOf } from "./planted-secrets.ts";
import { noRedis, type RedisServer, redisProgram, startRedis } from "./redis-server.ts";
import { openRunning, type Running, until } from "./running.ts";

const PLANTED = plantedSecrets();
const PASSWORD = `swordfish${Bun.hash("of redis").toString(36)}`;
const OWN = `plainwords${Bun.hash("of a consumer").toString(36)}`;
const AT_ONCE = 8;

let redis: RedisServer;
let node: Running;

/** Every key of every type, as text: names and values. */
async function everythingIn({ cli }: RedisServer): Promise<Map<string, string>> {
  const names = (await cli("--scan")).split("\n").filter(Boolean);
  const found = new Map<string, string>();
  for (const name of names) {
    const type = await cli("TYPE", name);
    const ask: Record<string, string[]> = {
      string: ["GET", name],
      hash: ["HGETALL", name],
      list: ["LRANGE", name, "0", "-1"],
      stream: ["XRANGE", name, "-", "+"],
    };
    const command = ask[type];
    // A type that is not known here would be looked at by nobody.
    if (command === undefined) throw new Error(`${name} is a ${type}`);
    found.set(name, await cli(...command));
  }
  return found;
}

const ledgerText = () => {
  const db = new Database(join(node.home, "ledger.db"), { readonly: true });
  try {
    return (db.query("SELECT * FROM events").all() as object[]).map((row) => JSON.stringify(row)).join("\n");
  } finally {
    db.close();
  }
};

/** Gives how many. Where no data is sent a few places are enough. */
async function publishAll(payload: string): Promise<number> {
  const payloads = PLANTED.flatMap(({ text }) => {
    const places = Object.values(payloadsWith(text, node.root));
    return payload === "full" ? places : places.slice(0, 1);
  });
  // What no hook says: in the subject, and in data of a program's own.
  const told = PLANTED.map(({ text }) => [
    ...["publish", "--type", "told", "--subject", text.trim()],
    ...["--data", JSON.stringify({ note: text })],
  ]);
  const publish = [
    ...payloads.map((one) => () => node.publish(one)),
    ...told.map((args) => async () => expect((await node.offhook(args)).exitCode).toBe(0)),
  ];
  for (let at = 0; at < publish.length; at += AT_ONCE)
    await Promise.all(publish.slice(at, at + AT_ONCE).map((begin) => begin()));
  return publish.length;
}

describe.skipIf(redisProgram === null)(`planted secrets on a clustered node${noRedis}`, () => {
  beforeEach(async () => {
    redis = await startRedis({ acl: ["default off", `app on >${PASSWORD} ~{offhook}:* +@all`] });
    node = openRunning();
  });
  afterEach(async () => {
    await node.end();
    await redis.stop();
  });

  test.each(["full", "lean", "none"])(
    'payload = "%s": none of them is anywhere in Redis, and all are in the ledger',
    async (payload) => {
      const cluster = [
        "[cluster]",
        `url = "${redis.url}"`,
        'user = "app"',
        'password = "${REDIS_PASSWORD}"',
        `payload = "${payload}"`,
        'lease = "1s"',
      ];
      writeFileSync(join(node.home, "config.toml"), `name = "alpha"\nworkers = 4\n${cluster.join("\n")}\n`, {
        mode: 0o600,
      });
      writeFileSync(join(node.home, "secrets.env"), `REDIS_PASSWORD=${PASSWORD}\nOWN=${OWN}\n`, { mode: 0o600 });
      // Each says its event, and dies: what it said is kept with the dead letter.
      const dies = 'on = ["**"]\nscope = "cluster"\nretry = { max = 0 }\nrun = ["sh", "-c", "cat; cat >&2; exit 3"]\n';
      node.consumer("dies", `${dies}partitions = 2\nmax_depth = 1\norder = false\nconcurrency = 4\n`);
      // Says the secret that its file names, and what no event had: a file of this machine.
      const file = node.file("planted.txt", PLANTED.map(({ text }) => text).join("\n"));
      node.consumer(
        "names",
        `on = ["told"]\nscope = "cluster"\nretry = { max = 0 }\nrun = ["sh", "-c", "echo \${OWN}; cat ${file}; exit 3"]\n`,
      );
      const daemon = await node.start();
      const published = await publishAll(payload);
      await until(
        async () => Number(await redis.cli("HGET", "{offhook}:origins", `alpha/${ledgerId()}`)) >= published,
        () => `not all were sent: ${daemon.output().slice(-2_000)}`,
      );
      await until(
        async () => {
          const { consumers } = (await node.status()).cluster;
          return ["dies", "names"].every((name) => {
            const one = consumers.find((found: any) => found.name === name);
            return one?.lag === 0 && one.pending === 0 && one.dead > 0;
          });
        },
        () => `not all was done: ${daemon.output().slice(-2_000)}`,
      );

      const all = await everythingIn(redis);
      expect([...all.keys()].filter((name) => name.includes("events"))).not.toEqual([]);
      expect([...all.keys()].filter((name) => name.includes("part:dies"))).toHaveLength(2);
      const traces = PLANTED.flatMap(({ kind, secret }) =>
        Array.from(all, ([name, text]) => [kind, name, traceOf(secret, `${name}\n${text}`)] as const),
      ).filter(([, , trace]) => trace !== null);
      expect(traces).toEqual([]);
      for (const [name, text] of all) {
        expect([name, text.includes(PASSWORD), text.includes(OWN)]).toEqual([name, false, false]);
      }
      // The control: what was published had them, and what is looked at here is what was sent.
      const kept = ledgerText();
      expect(PLANTED.filter(({ secret }) => traceOf(secret, kept) === null).map(({ kind }) => kind)).toEqual([]);
      expect(all.get("{offhook}:events")).toContain("told");
      if (payload === "full") expect(all.get("{offhook}:events")).toContain("[redacted:");
      expect([daemon.output().includes(PASSWORD), daemon.output().includes(OWN)]).toEqual([false, false]);
    },
    180_000,
  );
});

function ledgerId(): string {
  const db = new Database(join(node.home, "ledger.db"), { readonly: true });
  try {
    return (db.query("SELECT ledger FROM identity").get() as { ledger: string }).ledger;
  } finally {
    db.close();
  }
}

// `offhook setup --cluster`: with a real Redis, by flags and on a real pseudo-terminal. What it says of the server, what it writes.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { firstConfig, parseNodeConfig } from "../src/config/node.ts";
import { EXIT } from "../src/errors.ts";
import { aclRule } from "../src/redis/server-check.ts";
import { type Machine, openMachine } from "./fresh-machine.ts";
import { noRedis, redisProgram, startRedis } from "./redis-server.ts";
import { KEY } from "./screen.ts";

const ROOT = resolve(import.meta.dir, "..");
const SAFE = { appendonly: true, config: ["maxmemory-policy noeviction"] };
const PASSWORD = "pa #'s3cr3t";
const ACL = [
  "default off",
  aclRule("offhook", "offhook")
    .replace(/^user /, "")
    .replace(">PASSWORD", `>${"s3cr3t"}`),
];

let on: Machine;
beforeEach(() => {
  on = openMachine();
  mkdirSync(on.home, { mode: 0o700 });
});
afterEach(() => on.end());

const CONFIG = ".offhook/config.toml";
const cluster = () => parseNodeConfig(on.read(CONFIG)).cluster;
/** A port on which nobody is. */
const NOBODY = "redis://127.0.0.1:9";

describe.skipIf(redisProgram === null)(`setup --cluster by flags${noRedis}`, () => {
  test("writes [cluster] under a first config.toml, with the password in secrets.env and shown nowhere", async () => {
    const redis = await startRedis({ ...SAFE, acl: ACL });
    const url = redis.url.replace("://", "://offhook@");
    const ran = await on.run(["setup", "--cluster", url, "--yes"], { env: { REDIS_PASSWORD: "s3cr3t" } });
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.stdout).toContain(`Redis ${await version(redis)} at 127.0.0.1:${redis.port} answers`);
    expect(ran.stdout).toContain("~/.offhook/secrets.env: REDIS_PASSWORD (never shown)");
    expect(ran.stdout).toContain("  + [cluster]");
    expect(ran.stdout + ran.stderr).not.toContain("s3cr3t");
    expect(cluster()).toMatchObject({ urls: [redis.url], user: "offhook", password: "${REDIS_PASSWORD}", ca: null });
    const written = on.read(CONFIG);
    expect(written).toStartWith(firstConfig(parseNodeConfig(written).name));
    expect(on.read(".offhook/secrets.env")).toBe("REDIS_PASSWORD=s3cr3t\n");
    for (const file of [CONFIG, ".offhook/secrets.env"]) expect(statSync(join(on.root, file)).mode & 0o777).toBe(0o600);
    expect(on.has(".claude")).toBe(false);
    // It looked, and left nothing there.
    expect(await redis.cli("DBSIZE")).toBe("0");
  });

  test("again changes nothing; another address changes its line and no other byte", async () => {
    const [one, other] = [await startRedis(SAFE), await startRedis(SAFE)];
    const before =
      'name = "mine"   # kept\n\n[cluster] # ours\nurl = "OLD" # here\nlease = "2s"\n\n[retention]\nage = "9d"\n';
    on.write(CONFIG, before.replace("OLD", one.url), 0o640);
    const same = await on.json(["setup", "--cluster", one.url, "--yes"]);
    expect(same).toMatchObject({ changed: false, written: [], redis: { reached: true } });
    expect(await on.json(["setup", "--cluster", "--yes"])).toMatchObject({ changed: false });
    const would = await on.json(["setup", "--cluster", other.url, "--dry-run"]);
    expect(would).toMatchObject({ dryRun: true, changed: true, written: [] });
    expect(on.read(CONFIG)).toBe(before.replace("OLD", one.url));
    const did = await on.json(["setup", "--cluster", other.url, "--yes"]);
    expect(did.written).toEqual([join(on.home, "config.toml")]);
    expect(on.read(CONFIG)).toBe(before.replace("OLD", other.url));
    expect(did.config.text).toBe(would.config.text);
    expect(statSync(join(on.root, CONFIG)).mode & 0o777).toBe(0o640);
  });

  test("a refusal says what to give; a certificate may be named from where one stands", async () => {
    const redis = await startRedis({ ...SAFE, tls: true, acl: ACL });
    const url = redis.url.replace("://", "://offhook@");
    const run = (password: string, ...more: string[]) =>
      on.run(["setup", "--cluster", url, "--yes", ...more], { env: { REDIS_PASSWORD: password } });
    const untrusted = await run("s3cr3t");
    expect([untrusted.exitCode, untrusted.stderr]).toEqual([78, expect.stringContaining("--cluster-ca FILE")]);
    on.write("ca.pem", redis.ca ?? "", 0o644);
    const wrong = await run("another", "--cluster-ca", join(on.root, "ca.pem"));
    expect([wrong.exitCode, wrong.stderr]).toEqual([78, expect.stringContaining("REDIS_PASSWORD=...")]);
    expect(wrong.stdout + wrong.stderr).not.toContain("another");
    expect(cluster).toThrow();
    const { exitCode } = await on.run(["setup", "--cluster", url, "--yes", "--cluster-ca", "ca.pem"], {
      env: { REDIS_PASSWORD: "s3cr3t" },
      cwd: on.root,
    });
    expect([exitCode, cluster()?.ca]).toEqual([0, join(on.root, "ca.pem")]);
  });

  test("says what is unsafe about the server, and what to write", async () => {
    const redis = await startRedis({ appendonly: false, config: ["maxmemory-policy allkeys-lru"] });
    const { stdout, exitCode } = await on.run(["setup", "--cluster", redis.url, "--yes"]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/unsafe: .*maxmemory-policy allkeys-lru.* noeviction/);
    expect(stdout).toMatch(/unsafe: .*appendonly no.* appendonly yes/);
    expect(stdout).toMatch(/advice: .*no replica/);
    const { redis: seen } = await on.json(["setup", "--cluster", redis.url, "--yes"]);
    expect(seen.findings.filter((one: any) => one.level === "unsafe")).toHaveLength(2);
    expect(Math.abs(seen.skewMs)).toBeLessThan(1_000);
  });

  test("goes through TLS with the authority that is named, and writes nothing without", async () => {
    const redis = await startRedis({ ...SAFE, tls: true });
    const before = on.tree();
    const untrusted = await on.run(["setup", "--cluster", redis.url, "--yes"]);
    expect(untrusted.exitCode).toBe(EXIT.config);
    expect(untrusted.stderr).toContain("certificate");
    expect(on.tree()).toEqual(before);
    on.write(".offhook/ca.pem", redis.ca ?? "", 0o600);
    const args = ["setup", "--cluster", redis.url, "--cluster-ca", "~/.offhook/ca.pem", "--yes"];
    expect(await on.json(args)).toMatchObject({ changed: true, redis: { reached: true } });
    expect(cluster()).toMatchObject({ urls: [redis.url], ca: "~/.offhook/ca.pem" });
  });

  test("is refused where Redis refuses, and nothing is written", async () => {
    const redis = await startRedis({
      ...SAFE,
      acl: [...ACL, "reader on >s3cr3t ~* -@all +@read +@connection +role +info"],
    });
    const before = on.tree();
    for (const [user, password, said] of [
      ["offhook", "wr0ng", /refuses user "offhook"/],
      ["reader", "s3cr3t", /may not do on .* what offhook does/],
    ] as const) {
      const url = redis.url.replace("://", `://${user}@`);
      const ran = await on.run(["setup", "--cluster", url, "--yes"], { env: { REDIS_PASSWORD: password } });
      expect({ user, exitCode: ran.exitCode }).toEqual({ user, exitCode: EXIT.config });
      expect(ran.stderr).toMatch(said);
      expect(ran.stdout + ran.stderr).not.toContain(password);
      expect(on.tree()).toEqual(before);
    }
  });

  test("is written where Redis is not reached, and that is said", async () => {
    const ran = await on.run(["setup", "--cluster", NOBODY, "--yes"]);
    expect(ran.exitCode).toBe(EXIT.failed);
    expect(ran.stdout).toContain("Redis was not reached: 127.0.0.1:9 cannot be reached: ECONNREFUSED");
    expect(cluster()?.urls).toEqual([NOBODY]);
  });

  test("takes a password that secrets.env can hold only in quotes, and keeps what was there", async () => {
    const redis = await startRedis({ ...SAFE, config: [...SAFE.config, `requirepass "${PASSWORD}"`] });
    on.write(".offhook/secrets.env", "# mine\nSLACK_URL=https://x\n", 0o600);
    const args = ["setup", "--cluster", redis.url, "--yes"];
    expect(await on.json(args, { env: { REDIS_PASSWORD: PASSWORD } })).toMatchObject({ redis: { reached: true } });
    expect(on.read(".offhook/secrets.env")).toBe(`# mine\nSLACK_URL=https://x\nREDIS_PASSWORD="${PASSWORD}"\n`);
    expect(await on.json(args)).toMatchObject({ changed: false, redis: { reached: true } });
  });
});

test("the proof of setup does not wait for a consumer of the cluster, which may run anywhere", async () => {
  on.write(CONFIG, `name = "mine"\n[cluster]\nurl = "${NOBODY}"\n`, 0o600);
  mkdirSync(join(on.home, "consumers"), { mode: 0o700 });
  on.write(".offhook/consumers/everything.toml", 'on = ["**"]\nbuiltin = "log"\nscope = "cluster"\n', 0o600);
  const { proof } = await on.json(["setup", "--yes", "--service", "none", "--scope", "user", "--consumers", "ruff"]);
  expect(proof).toMatchObject({ reached: "consumer", consumer: "ruff", trouble: null });
}, 60_000);

describe("setup --cluster refuses", () => {
  const rows: [sentence: string, args: string[], said: string][] = [
    ["no address", ["--cluster"], "--cluster has to name the address of a Redis"],
    ["what is no address", ["--cluster", "redis.example"], "the address must be an address that begins with redis://"],
    [
      "a password on the command line",
      ["--cluster", "redis://u:s3cr3t@a"],
      "the address must not hold the password itself",
    ],
    ["a certificate without TLS", ["--cluster", NOBODY, "--cluster-ca", "/ca.pem"], "ca is for TLS"],
  ];
  for (const [sentence, args, said] of rows)
    test(sentence, async () => {
      const before = on.tree();
      const ran = await on.run(["setup", ...args, "--yes"]);
      expect(ran).toMatchObject({ exitCode: EXIT.usage, stdout: "" });
      expect(ran.stderr).toContain(said);
      expect(ran.stderr).not.toContain("s3cr3t");
      expect(on.tree()).toEqual(before);
    });
  test("a config.toml that is broken, or has its [cluster] in another form", async () => {
    on.write(CONFIG, "name = \n", 0o600);
    expect((await on.run(["setup", "--cluster", NOBODY, "--yes"])).exitCode).toBe(EXIT.config);
    on.write(CONFIG, 'cluster = { url = "redis://127.0.0.1:8" }\n', 0o600);
    const ran = await on.run(["setup", "--cluster", NOBODY, "--yes"]);
    expect(ran.exitCode).toBe(EXIT.config);
    expect(ran.stderr).toContain(`write below [cluster] yourself: url = "${NOBODY}"`);
    expect(on.read(CONFIG)).toBe('cluster = { url = "redis://127.0.0.1:8" }\n');
  });
});

describe.skipIf(redisProgram === null)(`setup --cluster on a terminal${noRedis}`, () => {
  const ADDRESS = "Address of Redis";
  const USER = "User (Enter: the default one)";
  const SECRET = "Password (Enter: none)";
  const WRITE = "Write it?";

  for (const columns of [100, 80, 40]) {
    test(`asks, connects, shows what would be written, and writes after a yes (${columns} columns)`, async () => {
      const redis = await startRedis({ ...SAFE, acl: ACL });
      const screen = on.screen(["setup", "--cluster"], { columns });
      await screen.answer(ADDRESS, `redis.example${KEY.enter}`);
      await screen.shows(/must be an address/);
      screen.type(`\x15${redis.url}${KEY.enter}`);
      await screen.answer(USER.slice(0, 12), `offhook${KEY.enter}`);
      await screen.answer(SECRET.slice(0, 12), `s3cr3t${KEY.enter}`);
      await screen.shows("answers");
      await screen.shows("This would be written:");
      await screen.shows("+ [cluster]");
      expect(on.has(CONFIG)).toBe(false);
      await screen.answer(WRITE, KEY.enter);
      await screen.shows("Done.");
      expect(await screen.ended()).toEqual({ exitCode: 0, signal: null });
      expect(cluster()).toMatchObject({ urls: [redis.url], user: "offhook", password: "${REDIS_PASSWORD}" });
      expect(on.read(".offhook/secrets.env")).toBe("REDIS_PASSWORD=s3cr3t\n");
      expect(screen.screen.raw()).not.toContain("s3cr3t");
      const wide = screen.screen
        .text()
        .split("\n")
        .filter((line) => Bun.stringWidth(line) > columns);
      expect(wide).toEqual([]);
    }, 30_000);
  }

  test("Enter keeps what is there", async () => {
    const redis = await startRedis({ ...SAFE, acl: ACL });
    const args = ["setup", "--cluster", redis.url.replace("://", "://offhook@"), "--yes"];
    await on.json(args, { env: { REDIS_PASSWORD: "s3cr3t" } });
    const before = on.tree();
    const screen = on.screen(["setup", "--cluster"]);
    await screen.answer(ADDRESS, KEY.enter);
    await screen.answer(USER, KEY.enter);
    await screen.answer("Password (Enter: REDIS_PASSWORD of secrets.env)", KEY.enter);
    await screen.shows("[cluster] is as it should be: nothing to change.");
    expect(await screen.ended()).toEqual({ exitCode: 0, signal: null });
    expect(on.tree()).toEqual(before);
  });

  test("an address that is not reached is said, asked again, written anyway, or left", async () => {
    const screen = on.screen(["setup", "--cluster", NOBODY]);
    for (const question of [USER, SECRET]) await screen.answer(question, KEY.enter);
    await screen.shows("Redis was not reached: 127.0.0.1:9 cannot be reached");
    await screen.answer("Ask me again", KEY.enter);
    await screen.answer(ADDRESS, `${NOBODY}${KEY.enter}`);
    await screen.shows(/User[^]*User/);
    screen.type(KEY.enter);
    await screen.shows(/Password[^]*Password/);
    screen.type(KEY.enter);
    await screen.shows(/What now\?[^]*What now\?/);
    screen.type(`${KEY.down}${KEY.enter}`);
    await screen.answer(WRITE, KEY.enter);
    await screen.shows("Written, but look at the above.");
    expect(await screen.ended()).toEqual({ exitCode: EXIT.failed, signal: null });
    expect(cluster()?.urls).toEqual([NOBODY]);
  }, 30_000);

  test("Ctrl-C, Ctrl-D and Escape at any question leave every byte as it was", async () => {
    const before = on.tree();
    const questions = [ADDRESS, USER, SECRET, "What now?"];
    for (const [at, question] of questions.entries())
      for (const key of [KEY.ctrlC, KEY.ctrlD, KEY.escape]) {
        const screen = on.screen(["setup", "--cluster"]);
        for (const earlier of questions.slice(0, at))
          await screen.answer(earlier, earlier === ADDRESS ? `${NOBODY}${KEY.enter}` : KEY.enter);
        await screen.answer(question, key);
        await screen.shows("Nothing was changed.");
        expect(await screen.ended()).toEqual({ exitCode: 130, signal: null });
        expect(on.tree()).toEqual(before);
      }
  }, 60_000);

  test("setup asks for it once everything else is written; Enter is a no", async () => {
    const screen = on.screen(["setup", "--service", "none", "--scope", "user", "--consumers", "ruff"]);
    await screen.answer(WRITE, KEY.enter);
    await screen.shows("Do several machines share events?");
    expect(on.has(".claude/settings.json")).toBe(true);
    expect(screen.screen.text()).toMatch(/○ Yes \/ ● No/);
    screen.type(KEY.enter);
    await screen.shows("Done. Have a look at any time: offhook status");
    expect(await screen.ended()).toEqual({ exitCode: 0, signal: null });
    expect(cluster()).toBeNull();
  });

  test("a yes there goes on with the same questions", async () => {
    const redis = await startRedis(SAFE);
    const screen = on.screen(["setup", "--service", "none", "--scope", "user", "--consumers", "ruff"]);
    await screen.answer(WRITE, KEY.enter);
    await screen.answer("Do several machines share events?", "y");
    await screen.answer(ADDRESS, `${redis.url}${KEY.enter}`);
    await screen.answer(USER, KEY.enter);
    await screen.answer(SECRET, KEY.enter);
    await screen.shows(/Write it\?[^]*Write it\?/);
    screen.type(KEY.enter);
    await screen.shows("Done. Have a look at any time: offhook status");
    expect(await screen.ended()).toEqual({ exitCode: 0, signal: null });
    expect(cluster()).toMatchObject({ urls: [redis.url], user: null, password: null });
    const again = on.screen(["setup", "--service", "none", "--scope", "user", "--consumers", "ruff"]);
    await again.shows(`There already: a cluster, at ${redis.url}`);
    await again.shows("Everything is as it should be");
    expect((await again.ended()).exitCode).toBe(0);
  });
});

test("the user in the documentation is the one that is enough", () => {
  expect(readFileSync(join(ROOT, "docs/cluster.md"), "utf8")).toContain(`\n${aclRule("offhook", "offhook")}\n`);
});

async function version(redis: Awaited<ReturnType<typeof startRedis>>): Promise<string> {
  return /redis_version:(\S+)/.exec(await redis.cli("INFO", "server"))?.[1] ?? "?";
}

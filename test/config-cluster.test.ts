// [cluster] of config.toml and consumers of scope cluster: what they become, and what people are told when they are wrong.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConsumer } from "../src/config/consumer.ts";
import { loadConsumers } from "../src/config/load.ts";
import { followSettings, isClusteredHome, parseNodeConfig } from "../src/config/node.ts";
import { redisSettings } from "../src/config/redis-settings.ts";
import { EXIT, OffhookError } from "../src/errors.ts";

const URL_LINE = 'url = "rediss://redis.example:6379"';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "offhook-cluster-config-"));
  mkdirSync(join(home, "consumers"), { mode: 0o700 });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const cluster = (lines: string) => parseNodeConfig(`[cluster]\n${lines}\n`).cluster;

function errorOf(work: () => unknown): OffhookError {
  try {
    work();
  } catch (error) {
    if (error instanceof OffhookError) return error;
    throw error;
  }
  throw new Error("nothing was wrong");
}

const said = (lines: string) => errorOf(() => cluster(lines)).message.split("\n");

describe("[cluster]", () => {
  test("is null where there is none", () => expect(parseNodeConfig('name = "a"').cluster).toBeNull());
  test("has its defaults when it says the least", () => {
    expect(cluster(URL_LINE)).toEqual({
      urls: ["rediss://redis.example:6379"],
      user: null,
      password: null,
      ca: null,
      forward: ["**"],
      payload: "full",
      prefix: "offhook",
      leaseMs: 10_000,
      keepMs: 86_400_000,
      cap: 1_000_000,
      replicas: null,
    });
  });
  test("has what it says", () => {
    const lines = `url = ["redis://a.example", "rediss://[::1]:6380/"]
      user = "offhook"
      password = "\${REDIS_PASSWORD}"
      ca = "~/.offhook/ca.pem"
      forward = ["PostToolUse", "offhook.**"]
      payload = "lean"
      prefix = "team:a"
      lease = "2s"
      keep = "3d"
      cap = 5000
      replicas = 0`;
    expect(cluster(lines)).toEqual({
      urls: ["redis://a.example", "rediss://[::1]:6380"],
      user: "offhook",
      password: "${REDIS_PASSWORD}",
      ca: "~/.offhook/ca.pem",
      forward: ["PostToolUse", "offhook.**"],
      payload: "lean",
      prefix: "team:a",
      leaseMs: 2_000,
      keepMs: 3 * 86_400_000,
      cap: 5_000,
      replicas: 0,
    });
  });
  test("takes user and password out of the address", () => {
    expect(cluster('url = ["redis://of%40fhook:${P}@a:1", "redis://of%40fhook:${P}@b:1"]')).toMatchObject({
      urls: ["redis://a:1", "redis://b:1"],
      user: "of@fhook",
      password: "${P}",
    });
    expect(cluster('url = "redis://:${P}@a:1"')).toMatchObject({ urls: ["redis://a:1"], user: null, password: "${P}" });
  });
  test("may forward nothing", () => expect(cluster(`${URL_LINE}\nforward = []`)?.forward).toEqual([]));

  const ADDRESS =
    'cluster.url must be an address that begins with redis:// or rediss://, for instance "rediss://redis.example:6379"';
  const OTHER_WAY =
    'must not hold the password itself: write REDIS_PASSWORD=... into secrets.env, and here password = "${REDIS_PASSWORD}"';
  const rows: [sentence: string, lines: string, said: string][] = [
    ["of no address", "", '1: cluster.url is missing; write for instance url = "rediss://redis.example:6379"'],
    ["of another scheme", 'url = "http://a:1"', `2: ${ADDRESS}`],
    ["of an address without a host", 'url = "redis://:6379"', `2: ${ADDRESS}`],
    ["of an address that is a number", "url = 6379", `2: ${ADDRESS}`],
    [
      "of a database in it",
      'url = "redis://a:1/3"',
      "2: cluster.url must end after the port: offhook uses database 0, and takes no /3",
    ],
    ["of one that is wrong in a list", 'url = ["redis://a:1", "b:1"]', `2: ${ADDRESS.replace("url", "url[2]")}`],
    [
      "of an empty list",
      "url = []",
      '2: cluster.url must name an address, for instance ["rediss://redis-a.example:6379", "rediss://redis-b.example:6379"]',
    ],
    [
      "of two users",
      'url = ["redis://x@a:1", "redis://y@b:1"]',
      '2: cluster.url must all have the same user; write user = "..." and password = "${REDIS_PASSWORD}" for all of them',
    ],
    [
      "of a user said twice",
      'url = "redis://x@a:1"\nuser = "x"',
      "3: cluster.user stands in url already; keep one of them",
    ],
    ["of a password in the address", 'url = "redis://x:s3cr3t@a:1"', `2: cluster.url ${OTHER_WAY}`],
    ["of a password in the file", `${URL_LINE}\npassword = "s3cr3t"`, `3: cluster.password ${OTHER_WAY}`],
    [
      "of a password that is half a secret",
      `${URL_LINE}\npassword = "s3cr3t\${P}"`,
      '3: cluster.password must be one secret and nothing else, for instance "${REDIS_PASSWORD}"',
    ],
    [
      "of a certificate without TLS",
      'url = "redis://a:1"\nca = "/ca.pem"',
      "3: cluster.ca is for TLS: begin the url with rediss://, or leave ca out",
    ],
    [
      "of a certificate somewhere",
      `${URL_LINE}\nca = "ca.pem"`,
      '3: cluster.ca = "ca.pem" must be the path of a file, absolute or with "~/" at its start',
    ],
    ["of a short lease", `${URL_LINE}\nlease = "500ms"`, '3: cluster.lease = "500ms" must be at least "1s"'],
    ["of a long lease", `${URL_LINE}\nlease = "1h"`, '3: cluster.lease = "1h" must be at most "5m"'],
    [
      "of a payload",
      `${URL_LINE}\npayload = "all"`,
      '3: cluster.payload = "all" must be one of "full", "lean", "none"',
    ],
    [
      "of a prefix with a brace",
      `${URL_LINE}\nprefix = "{a}"`,
      '3: cluster.prefix = "{a}" must be made of letters, digits and _ . : -, at most 64 of them',
    ],
    ["of too many replicas", `${URL_LINE}\nreplicas = 9`, "3: cluster.replicas = 9 must be a whole number from 0 to 5"],
    ["of a mistyped key", `${URL_LINE}\nleese = "2s"`, '3: unknown key "cluster.leese"; did you mean "cluster.lease"?'],
    [
      "of patterns below the line",
      `${URL_LINE}\nredact = ["x"]`,
      "3: cluster.redact stands above the line [cluster]: webhooks are redacted by it too",
    ],
  ];
  for (const [sentence, lines, text] of rows)
    test(`that is wrong because ${sentence} is told so, and no password is shown`, () => {
      expect(said(lines)).toEqual([`config.toml:${text}`]);
      expect(said(lines).join()).not.toContain("s3cr3t");
    });
  test("that is no table is told what to write", () => {
    expect(errorOf(() => parseNodeConfig("cluster = true")).message).toBe(
      'config.toml:1: cluster = true must be a table: a line [cluster], and below it url = "rediss://redis.example:6379"',
    );
  });
});

describe("the patterns of redact", () => {
  test("are texts", () => expect(parseNodeConfig('redact = ["CUST-[0-9]{8}"]').redact).toEqual(["CUST-[0-9]{8}"]));
  test("that are no pattern, or one of everything, are refused", () => {
    const { message } = errorOf(() => parseNodeConfig('redact = ["(", "x*", "a(?=b)"]'));
    expect(message).toContain('config.toml:1: redact[1] = "(" cannot be used: it is no regular expression');
    expect(message).toContain(
      'config.toml:1: redact[2] = "x*" cannot be used: it matches an empty text, so it would redact everything',
    );
    expect(message).toContain('redact[3] = "a(?=b)" cannot be used: ');
  });
});

test("a changed [cluster] and redact wait for the next start, and that is said", () => {
  const before = parseNodeConfig(`name = "a"\n[cluster]\n${URL_LINE}`);
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const same = followSettings(before, parseNodeConfig(`name = "a"\n[cluster]\n${URL_LINE} # the same`), log);
  expect([same, lines]).toEqual([before, []]);
  const changed = parseNodeConfig(`name = "a"\nredact = ["x"]\n[cluster]\n${URL_LINE}\ncap = 100`);
  expect(followSettings(before, changed, log)).toEqual(before);
  expect(lines).toEqual([
    "config.toml: the changed redact takes effect at the next start",
    "config.toml: the changed [cluster] takes effect at the next start",
  ]);
});

describe("what a connection needs", () => {
  const resolve = (lines: string, secrets = {}) => redisSettings(cluster(lines) ?? never(), secrets, home);
  const never = () => {
    throw new Error("no cluster");
  };
  const PEM = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n";

  test("has the password of secrets.env and the text of the certificate", () => {
    writeFileSync(join(home, "ca.pem"), PEM, { mode: 0o600 });
    const lines = 'url = "rediss://a:1"\nuser = "u"\npassword = "${P}"\nca = "~/ca.pem"';
    expect(resolve(lines, { P: "s3cr3t ${P}" })).toEqual({
      urls: ["rediss://a:1"],
      user: "u",
      password: "s3cr3t ${P}",
      ca: PEM,
    });
  });
  test("has neither where none is named", () => {
    expect(resolve(URL_LINE)).toEqual({ urls: ["rediss://redis.example:6379"], user: null, password: null, ca: null });
  });
  test("is not there without the secret", () => {
    for (const secrets of [{}, { P: "" }]) {
      const error = errorOf(() => resolve(`${URL_LINE}\npassword = "\${P}"`, secrets));
      expect(error.exitCode).toBe(EXIT.config);
      expect(error.message).toBe("config.toml: [cluster] names ${P}, and secrets.env has no P");
      expect(error.hint).toBe("add the line P=... to secrets.env, beside config.toml");
    }
  });
  test("is not there without a certificate that can be read", () => {
    const wrong = () => errorOf(() => resolve(`${URL_LINE}\nca = "~/ca.pem"`));
    expect(wrong().message).toBe('config.toml: [cluster] has ca = "~/ca.pem": there is no such file');
    writeFileSync(join(home, "ca.pem"), "MII=", { mode: 0o600 });
    expect(wrong().message).toContain("it is no certificate in PEM");
    expect(wrong().exitCode).toBe(EXIT.config);
  });
});

describe("a consumer of scope cluster", () => {
  const ON = 'on = ["PostToolUse"]\nbuiltin = "log"\n';
  const reading = {
    name: "alert",
    path: "/h/alert.toml",
    label: "consumers/alert.toml",
    userHome: "/home/dev",
    secrets: {},
  };
  const parse = (lines: string, isClustered = true) => parseConsumer(ON + lines, { ...reading, isClustered });
  const consumer = (lines: string) => {
    const loaded = parse(lines);
    if (loaded.kind === "broken") throw new Error(loaded.errors.join("\n"));
    return loaded.consumer;
  };
  const errors = (lines: string, isClustered = true) => {
    const loaded = parse(lines, isClustered);
    return loaded.kind === "broken" ? loaded.errors : [];
  };

  test("has one partition and a key of its own for each node", () => {
    expect(consumer('scope = "cluster"')).toMatchObject({ scope: "cluster", partitions: 1, key: "{node}:{file}" });
    expect(consumer("")).toMatchObject({ scope: "node", partitions: 1, key: "{file}" });
  });
  test("has the key and the partitions that it says", () => {
    const said = consumer('scope = "cluster"\npartitions = 64\nkey = "{project}"');
    expect(said).toMatchObject({ partitions: 64, key: "{project}" });
  });
  test("cannot be silenced by a project, whatever it runs", () => {
    const loaded = parseConsumer('on = ["Stop"]\nrun = ["true"]\nscope = "cluster"', reading);
    expect(loaded).toMatchObject({ kind: "ok", consumer: { silenceable: false } });
    expect(consumer('scope = "cluster"\nsilenceable = false').silenceable).toBe(false);
    expect(errors('scope = "cluster"\nsilenceable = true')).toEqual([
      'consumers/alert.toml:4: silenceable = true is refused with scope = "cluster": no file of a project reaches the other nodes; leave it out',
    ]);
  });
  test("is the only one with partitions", () => {
    const text = 'partitions goes with scope = "cluster"; leave it out, or write that too';
    expect(errors("partitions = 2")).toEqual([`consumers/alert.toml:3: ${text}`]);
    expect(errors('scope = "node"\npartitions = 2')).toEqual([`consumers/alert.toml:4: ${text}`]);
    expect(errors('scope = "clster"\npartitions = 2')).toEqual([
      'consumers/alert.toml:3: scope = "clster" must be one of "node", "cluster"',
    ]);
    expect(errors('scope = "cluster"\npartitions = 65')).toEqual([
      "consumers/alert.toml:4: partitions = 65 must be a whole number from 1 to 64",
    ]);
  });
  test("has the same hash wherever the same text lies, and another for another text", () => {
    const elsewhere = parseConsumer(`${ON}scope = "cluster"`, { ...reading, path: "/x.toml", userHome: "/home/other" });
    expect(elsewhere).toMatchObject({ kind: "ok", consumer: { hash: consumer('scope = "cluster"').hash } });
    expect(consumer('scope = "cluster" ').hash).not.toBe(consumer('scope = "cluster"').hash);
  });

  const NEEDS =
    'consumers/alert.toml:3: scope = "cluster" needs [cluster] in config.toml of this node; offhook setup --cluster writes it';
  test("is broken on a node that has no cluster, and both files are named", () => {
    expect(errors('scope = "cluster"', false)).toEqual([NEEDS]);
    expect(errors("", false)).toEqual([]);
  });
  test("is judged by the config.toml of its home, or by what the caller began with", () => {
    writeFileSync(join(home, "consumers/alert.toml"), `${ON}scope = "cluster"\n`, { mode: 0o600 });
    const load = (options?: { isClustered: boolean }) => loadConsumers(home, { values: {} }, options);
    const settings = (text: string) => writeFileSync(join(home, "config.toml"), text, { mode: 0o600 });
    expect(load().broken).toMatchObject([{ name: "alert", errors: [NEEDS] }]);
    settings('name = "a"\n');
    expect(load().broken).toHaveLength(1);
    settings(`name = "a"\n[cluster]\n${URL_LINE}\n`);
    expect(load().consumers).toMatchObject([{ name: "alert", scope: "cluster" }]);
    expect(load({ isClustered: false }).broken).toMatchObject([{ errors: [NEEDS] }]);
    // What is wrong with config.toml is said once, and not by every consumer again.
    settings("[cluster]\n");
    expect([isClusteredHome(home), load().broken]).toEqual([true, []]);
  });
});

// A consumer file's text: what it becomes, and what people are told when it is wrong.
import { describe, expect, test } from "bun:test";
import { type Loaded, parseConsumer } from "../src/config/consumer.ts";

const SECRETS = {
  SLACK_URL: "https://hooks.example/T0/s3cr3t",
  TOKEN: "s3cr3t-token",
  NOT_A_URL: "s3cr3t-word",
  OTHER: "s3cr3t-other",
};

function load(text: string): Loaded {
  return parseConsumer(text, {
    name: "lint",
    path: "/h/lint.toml",
    label: "lint.toml",
    userHome: "/home/dev",
    secrets: SECRETS,
  });
}

function errors(text: string): string[] {
  const loaded = load(text);
  if (loaded.kind === "ok") throw new Error(`nothing was wrong with ${text}`);
  return loaded.errors;
}

function consumer(text: string) {
  const loaded = load(text);
  if (loaded.kind === "broken") throw new Error(loaded.errors.join("\n"));
  return loaded.consumer;
}

const ON = 'on = ["PostToolUse"]\n';

describe("a consumer", () => {
  test("has its defaults when its file says the least", () => {
    expect(consumer(`${ON}builtin = "log"`)).toEqual({
      name: "lint",
      path: "/h/lint.toml",
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      on: ["PostToolUse"],
      tools: null,
      files: null,
      projects: null,
      agent: "any",
      where: {},
      start: "now",
      action: { kind: "builtin", builtin: "log" },
      key: "{file}",
      dedupMs: 0,
      debounce: null,
      cooldownMs: 0,
      order: true,
      concurrency: 1,
      rate: null,
      maxAgeMs: 0,
      timeoutMs: 60_000,
      findings: [],
      retry: { max: 3, backoffMs: 2_000, maxBackoffMs: 300_000 },
      maxDepth: 0,
      scope: "node",
      partitions: 1,
      silenceable: false,
      enabled: true,
      secrets: {},
    });
  });
  test("has what its file says", () => {
    const text = `
      on = ["PostToolUse", "render.**"]
      tools = ["Write", "mcp__memory__*"]
      files = ["**/*.py", "!vendor/"]
      projects = ["~/code/shop", "/srv/app", "~"]
      agent = "subagent"
      start = "earliest"
      run = ["~/bin/lint", "--", "{file}", "{files}", "{}", "~/x", "a~/b"]
      key = "{node}:{file}"
      dedup = "2s"
      debounce = { quiet = "1s", max = "10s" }
      cooldown = "5m"
      order = false
      concurrency = 4
      rate = "30/m"
      max_age = "10m"
      timeout = "0s"
      findings = [1, 3]
      scope = "node"
      max_depth = 2
      silenceable = false
      enabled = false
      where.data.permission_mode = "acceptEdits"
      where."data.n" = 1
      [retry]
      max = 0
      backoff = "250ms"
      max_backoff = "1h"`;
    expect(consumer(text)).toMatchObject({
      on: ["PostToolUse", "render.**"],
      tools: ["Write", "mcp__memory__*"],
      files: ["**/*.py", "!vendor/"],
      projects: ["/home/dev/code/shop", "/srv/app", "/home/dev"],
      agent: "subagent",
      where: { "data.permission_mode": "acceptEdits", "data.n": "1" },
      start: "earliest",
      action: { kind: "run", argv: ["/home/dev/bin/lint", "--", "{file}", "{files}", "{}", "/home/dev/x", "a~/b"] },
      key: "{node}:{file}",
      dedupMs: 2_000,
      debounce: { quietMs: 1_000, maxMs: 10_000 },
      cooldownMs: 300_000,
      order: false,
      concurrency: 4,
      rate: { count: 30, perMs: 60_000 },
      maxAgeMs: 600_000,
      timeoutMs: 0,
      findings: [1, 3],
      retry: { max: 0, backoffMs: 250, maxBackoffMs: 3_600_000 },
      maxDepth: 2,
      silenceable: false,
      enabled: false,
    });
  });
  test("has a webhook with its defaults", () => {
    const { action } = consumer(`${ON}webhook = { url = "https://example.com/x" }`);
    expect(action).toEqual({
      kind: "webhook",
      url: "https://example.com/x",
      method: "POST",
      headers: {},
      preset: null,
      body: null,
    });
  });
  test("has a webhook with a body whose shape is kept", () => {
    const { action } = consumer(
      `${ON}[webhook]\nurl = "http://127.0.0.1:1/"\nmethod = "PUT"\nbody = { a = ["{file} of {project}", 1, true], b = { c = "x" } }`,
    );
    expect(action).toMatchObject({ method: "PUT", body: { a: ["{file} of {project}", 1, true], b: { c: "x" } } });
  });
  test("has another hash when its file has changed, and the same when it has not", () => {
    const once = consumer(`${ON}builtin = "log"`).hash;
    expect(consumer(`${ON}builtin = "log"`).hash).toBe(once);
    expect(consumer(`${ON}builtin = "log" # changed`).hash).not.toBe(once);
  });
});

describe("the secrets of a consumer", () => {
  const rows: [sentence: string, text: string, names: string[]][] = [
    ["are none when it names none", 'builtin = "log"', []],
    [
      "are those that a webhook names",
      'webhook = { url = "${SLACK_URL}", headers = { A = "Bearer ${TOKEN}" } }',
      ["SLACK_URL", "TOKEN"],
    ],
    [
      "are those in a body, at any depth",
      'webhook = { url = "https://x.example", body = { a = [{ b = "${TOKEN}" }] } }',
      ["TOKEN"],
    ],
    ["are those in arguments", 'run = ["curl", "-H", "X: ${TOKEN}", "https://x.example"]', ["TOKEN"]],
    [
      "are those that a shell line uses in any way",
      "shell = 'a $TOKEN \"${OTHER:-x}\" $HOME ${#SLACK_URL}'",
      ["OTHER", "SLACK_URL", "TOKEN"],
    ],
    ["are not those in a comment of the file", 'builtin = "log" # ${TOKEN}', []],
    ["are not those of another key", 'builtin = "log"\nwhere = { "data.x" = "${TOKEN}" }', []],
  ];
  for (const [sentence, text, names] of rows) {
    test(sentence, () => expect(Object.keys(consumer(ON + text).secrets).sort()).toEqual(names));
  }
});

describe("keys of the next version", () => {
  for (const key of ['builtin = "report"']) {
    test(`${key} is refused as not yet there, and once`, () => {
      const said = errors(`${ON}${key}`);
      expect(said).toHaveLength(1);
      expect(said[0]).toMatch(/^lint\.toml:2: \w+( = "\w+")? is not yet there in this version; leave it out for now$/);
    });
  }
});

describe("what is let through", () => {
  const rows: [sentence: string, text: string][] = [
    ["empty braces, as xargs has them", 'run = ["xargs", "-I{}", "{}"]'],
    ["code for awk with spaces in its braces", `run = ["awk", '{ print $1 }', "{file}"]`],
    ["event data after the code", `run = ["sh", "-c", 'wc -l "$1"', "sh", "{file}"]`],
    ["a check by perl, whose -c runs nothing", 'run = ["perl", "-c", "{file}"]'],
    ["a formatter whose -c is no code", 'run = ["prettier", "-c", "{file}"]'],
    ["a command of the project with projects", 'projects = ["~/shop"]\nrun = ["./lint.sh", "{file}"]'],
    ["an absolute path", 'run = ["/opt/my tools/lint"]'],
    ["a shell's own variable and braces", 'shell = "for file in *; do echo ${file} {a,b} {}; done"'],
    ["one key for all", 'builtin = "log"\nkey = "all"'],
    ["a text body with event data", 'webhook = { url = "https://x.example", body = "changed: {file}" }'],
    ["JSON as a text without event data", `webhook = { url = "https://x.example", body = '{"text":"done"}' }`],
    ["an address that is a secret", 'webhook = { url = "${SLACK_URL}", preset = "slack" }'],
    ["a secret inside an address", 'webhook = { url = "https://x.example/${TOKEN}?a=b" }'],
    ["a byte order mark", "\uFEFF".concat('builtin = "log"')],
  ];
  for (const [sentence, text] of rows) {
    test(sentence, () =>
      expect(load(text.startsWith("\uFEFF") ? `${text}\n${ON}` : ON + text)).toMatchObject({ kind: "ok" }),
    );
  }
});

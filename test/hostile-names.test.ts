// File names that mean something to a shell, a terminal, a template, a chat or SQL. Each reaches every kind of consumer exactly as
// it is, as data, and nothing of it runs: whatever would run here leaves a file called "executed".
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { consumerOf, controlCharacters, openGuarded } from "./guarded.ts";
import { type Running, wrote } from "./running.ts";

const NAMES = [
  "two  spaces .py",
  " leading and trailing ",
  'it\'s "quoted".py',
  "new\nline.py",
  "\n",
  "tab\tand\rreturn.py",
  "-rf",
  "--exec=touch executed.py",
  "$(touch executed).py",
  "`touch executed`.py",
  "; touch executed ; #.py",
  "&& touch executed &",
  "| touch executed |",
  "> executed",
  "'; touch executed; '",
  '"; touch executed; "',
  "*",
  "$HOME ${OFFHOOK_HOME} ~",
  "{file} {project} ${SECRET}",
  "%s%n%x \\n \\0 \\x41",
  "'); DROP TABLE events; --",
  '","text":"injected","x":"',
  "<!channel> <script>touch</script> &amp; @everyone *bold*",
  "ünïcödé 文件 \u{1f389} e\u0301.py",
  "\u001b]0;title\u0007\u001b[2J.py",
  "\u202egnp.py\u2028",
  "x".repeat(200),
];

type Received = { path: string; type: string | null; body: string };
const received: Received[] = [];
const bodies = (path: string) => received.filter((one) => one.path === path).map((one) => one.body);

let on: Running;
let files: string[];
let server: Bun.Server<undefined>;

beforeAll(async () => {
  on = openGuarded();
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      received.push({
        path: new URL(request.url).pathname,
        type: request.headers.get("content-type"),
        body: await request.text(),
      });
      return new Response("ok");
    },
  });
  const consumers: Record<string, string> = {
    argv: `run = ["sh", "-c", 'printf "%s\\0" "$1" >> "$OFFHOOK_HOME/argv"', "sh", "{file}"]`,
    option: `run = ["cat", "--", "{file}"]`,
    env: `shell = 'printf "%s\\0" "$OFFHOOK_FILE" >> "$OFFHOOK_HOME/env"'`,
    stdin: `shell = 'cat >> "$OFFHOOK_HOME/stdin"'`,
    log: `builtin = "log"`,
    event: `webhook = { url = "URL/event" }`,
    json: `webhook = { url = "URL/json", body = { text = "{file}", deep = ["in {file}!", { tool = "{tool}" }] } }`,
    text: `webhook = { url = "URL/text", body = "it was {file}, said {consumer}" }`,
    slack: `webhook = { url = "URL/slack", preset = "slack" }`,
  };
  for (const [name, action] of Object.entries(consumers)) {
    on.consumer(name, `on = ["PostToolUse"]\n${action.replace("URL", server.url.origin)}\n`);
  }
  await on.start();
  files = NAMES.map((name, index) => on.file(`shop/${name}`, `content ${index}\n`));
  for (const file of files) await on.publish(wrote(file));
  const status = await on.settled();
  for (const name of Object.keys(consumers)) {
    expect([name, consumerOf(status, name).ok, consumerOf(status, name).failed]).toEqual([name, files.length, 0]);
  }
}, 60_000);

afterAll(async () => {
  await on.end();
  await server.stop(true);
});

const inHome = (name: string) => readFileSync(join(on.home, name), "utf8");

test("as an argument of its own", () => {
  expect(inHome("argv").split("\0").slice(0, -1)).toEqual(files);
});

test("as a file that a command opens", async () => {
  const deliveries = await on.ndjson(["deliveries", "--consumer", "option"]);
  expect(deliveries.map((delivery) => delivery.attempts[0].stdout)).toEqual(
    files.map((_, index) => `content ${index}\n`),
  );
  expect(deliveries.map((delivery) => delivery.key)).toEqual(files);
});

test("as OFFHOOK_FILE in a shell line", () => {
  expect(inHome("env").split("\0").slice(0, -1)).toEqual(files);
});

test("as JSON on stdin, in the builtin log and in a webhook's CloudEvent, one line each", async () => {
  const events = (await on.offhook(["events", "--json"])).stdout.trimEnd().split("\n");
  expect(events.map((line) => JSON.parse(line).subject)).toEqual(files);
  expect(inHome("stdin").trimEnd().split("\n")).toEqual(events);
  expect(inHome("logs/log.ndjson").trimEnd().split("\n")).toEqual(events);
  expect(bodies("/event")).toEqual(events);
});

test("in a webhook's JSON, whose shape it cannot change, and in its plain text", () => {
  expect(bodies("/json").map((body) => JSON.parse(body))).toEqual(
    files.map((file) => ({ text: file, deep: [`in ${file}!`, { tool: "Write" }] })),
  );
  expect(bodies("/text")).toEqual(files.map((file) => `it was ${file}, said text`));
  expect(received.filter(({ path }) => path === "/text").every(({ type }) => type?.startsWith("text/plain"))).toBe(
    true,
  );
});

test("in a chat, without links and mentions", () => {
  const texts = bodies("/slack").map((body) => JSON.parse(body).text);
  expect(texts.length).toBe(files.length);
  for (const text of texts) expect(text).not.toMatch(/[<>]/);
  expect(texts.join()).toContain("&lt;!channel&gt;");
});

test("in every table, one line each, and no terminal obeys it", async () => {
  const [events, deliveries] = await Promise.all([
    on.offhook(["events"]),
    on.offhook(["deliveries", "--consumer", "argv"]),
  ]);
  expect(events.stdout.trimEnd().split("\n").length).toBe(files.length);
  expect(deliveries.stdout.trimEnd().split("\n").length).toBe(1 + files.length);
  expect(controlCharacters(events.stdout + deliveries.stdout)).toEqual([]);
  for (const file of files) {
    const tried = await on.offhook(["try", "option"], { stdin: JSON.stringify(wrote(file)) });
    expect(tried.exitCode).toBe(0);
    expect(controlCharacters(tried.stdout)).toEqual([]);
  }
});

test("and nothing was executed", () => {
  const found = [...new Bun.Glob("**/executed*").scanSync({ cwd: on.root, dot: true, onlyFiles: false })];
  expect(found).toEqual([]);
});

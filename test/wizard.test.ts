// `offhook setup` on a terminal: a real pseudo-terminal, keys that are typed, and the screen as a person sees it.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { type Machine, openMachine } from "./fresh-machine.ts";
import { isRunning } from "./guarded.ts";
import { until } from "./running.ts";
import { KEY } from "./screen.ts";

let on: Machine;
beforeEach(() => {
  on = openMachine();
});
afterEach(() => on.end());

const SCOPE = "Where should the hooks be?";
const CONSUMERS = "What should run beside the agent?";
const ADDRESS = "Address to post events to";
const WRITE = "Write it?";
const CLUSTER = "Do several machines share events?";
/** The node's own service manager is not to be touched. */
const SETUP = ["setup", "--service", "none"];

/** Moves down to an option of the list on the screen. */
async function choose(screen: ReturnType<Machine["screen"]>, label: string): Promise<void> {
  await screen.shows(label);
  const lines = screen.screen.text().split("\n");
  const options = lines.filter((line) => /[◻◼●○]/.test(line));
  const at = options.findIndex((line) => line.includes(label));
  if (at < 0) throw new Error(`no option ${label}`);
  for (let step = 0; step < at; step++) screen.type(KEY.down);
  screen.type(KEY.space);
}

test("each question is asked once, with what Enter chooses marked", async () => {
  const screen = on.screen(SETUP);
  await screen.shows(SCOPE);
  await screen.shows("Enter: confirm");
  expect(screen.screen.text()).toBe(`┌  offhook setup
│
◆  Where should the hooks be?
│  ● In all my projects (~/.claude/settings.json)
│  ○ In this project, for me
│  ○ In this project, for everybody
│  ↑/↓ to navigate • Enter: confirm
└
`);
  screen.type(KEY.enter);
  await screen.shows(/Space: select/);
  expect(screen.screen.text()).toBe(`┌  offhook setup
│
◇  Where should the hooks be?
│  In all my projects
│
◆  What should run beside the agent?
│  ◼ ruff check: Python linter (tool.ruff in pyproject.toml)
│  ◻ ruff format --check: Python formatting, only looked at
│  ◻ Slack: when the agent needs you
│  ◻ Discord: when the agent needs you
│  ◻ ntfy: a push to your phone when the agent needs you
│  ◻ n8n: start a workflow
│  ◻ Any webhook: the event as JSON (CloudEvents)
│  ◻ Desktop notification: when the agent needs you
│  ◻ Log: one line of JSON for each event
│  ↑/↓ to navigate • Space: select • Enter: confirm
└
`);
});

test("Enter all the way writes exactly what was shown, and one event goes through it", async () => {
  const screen = on.screen(SETUP);
  await screen.answer(SCOPE, KEY.enter);
  await screen.answer(CONSUMERS, KEY.enter);
  await screen.shows("1 consumer file, 1 hook in ~/.claude/settings.json");
  await screen.shows(WRITE);
  const shown = screen.screen
    .text()
    .split("\n")
    .filter((line) => line.startsWith("  + "))
    .map((line) => line.slice(4));
  expect(on.has(".offhook") || on.has(".claude")).toBe(false);
  screen.type(KEY.enter);
  await screen.shows(/Hook: a PostToolUse was stored in [\d.]+ ms, which is all that the agent waits for/);
  await screen.shows(/Consumer: ruff was done [\d.]+ m?s after the hook began \(ok; it waits 1\.0 s for quiet\)/);
  await screen.shows("The daemon was started for this only.");
  await screen.answer(CLUSTER, KEY.enter);
  await screen.shows("Done. Have a look at any time: offhook status");
  expect(await screen.ended()).toEqual({ exitCode: 0, signal: null });
  // A long line of the consumer file goes over the edge of the terminal.
  const written = (on.read(".offhook/consumers/ruff.toml") + on.read(".claude/settings.json")).split("\n");
  for (const line of shown.filter((one) => one.length < 90))
    expect(written).toContainEqual(expect.stringContaining(line));
  expect(await on.json(["status"], { exitCode: 1 })).toMatchObject({
    daemon: { running: false },
    consumers: [{ name: "ruff", ok: 1 }],
  });
});

for (const { columns, env, label } of [
  { columns: 100, env: {}, label: "100 columns" },
  { columns: 40, env: { NO_COLOR: "1" }, label: "40 columns without colours" },
]) {
  test(`Ctrl-C, Ctrl-D and Escape at any question leave every byte as it was (${label})`, async () => {
    on.write(".claude/settings.json", '{\n\t"model": "opus"\n}');
    const before = on.tree();
    const questions = [SCOPE, CONSUMERS, ADDRESS, WRITE];
    for (const [at, question] of questions.entries()) {
      for (const key of [KEY.ctrlC, KEY.ctrlD, KEY.escape]) {
        const screen = on.screen(SETUP, { columns, env });
        for (const before of questions.slice(0, at)) {
          await screen.shows(before);
          if (before === CONSUMERS) await choose(screen, "Any webhook");
          if (before === ADDRESS) screen.type("http://127.0.0.1:9/hook");
          screen.type(KEY.enter);
        }
        await screen.answer(question, key);
        await screen.shows("Nothing was changed.");
        expect(await screen.ended()).toEqual({ exitCode: 130, signal: null });
        expect(on.tree()).toEqual(before);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
        if ("NO_COLOR" in env) expect(screen.screen.raw()).not.toMatch(/\x1b\[\d+(;\d+)*m/);
      }
    }
  }, 120_000);
}

test("the service is a question where the node has a manager, and a sentence where it has none", async () => {
  const before = on.tree();
  const screen = on.screen(["setup", "--scope", "user", "--consumers", "ruff"]);
  await screen.shows(/Should the daemon run by itself\?|No service here: /);
  await screen.answer(/No, I start it myself|Write it\?/, KEY.ctrlC);
  expect(await screen.ended()).toEqual({ exitCode: 130, signal: null });
  expect(on.tree()).toEqual(before);
});

test("No at the end changes nothing either", async () => {
  const before = on.tree();
  const screen = on.screen([...SETUP, "--scope", "local"]);
  await screen.answer(CONSUMERS, KEY.enter);
  await screen.shows("~/shop/.claude/settings.local.json (new file, 1 hook)");
  await screen.answer(WRITE, "n");
  await screen.shows("Nothing was changed.");
  expect(await screen.ended()).toEqual({ exitCode: 0, signal: null });
  expect(on.tree()).toEqual(before);
});

test("--dry-run shows, and does not ask", async () => {
  const before = on.tree();
  const screen = on.screen([...SETUP, "--dry-run", "--scope", "user"]);
  await screen.answer(CONSUMERS, KEY.enter);
  await screen.shows("Nothing was changed.");
  expect(await screen.ended()).toEqual({ exitCode: 0, signal: null });
  expect(screen.screen.text()).not.toContain(WRITE);
  expect(on.tree()).toEqual(before);
});

test("an address is asked for masked, is wrong until it looks right, and is shown nowhere", async () => {
  const posted: any[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      posted.push(await request.json());
      return new Response("ok");
    },
  });
  try {
    const address = `http://127.0.0.1:${server.port}/s3cret-path`;
    const screen = on.screen([...SETUP, "--scope", "user"]);
    await choose(screen, "Any webhook");
    // Not the linter, so that only the alert could take an event.
    for (const key of [KEY.up, KEY.up, KEY.up, KEY.up, KEY.up, KEY.up, KEY.space, KEY.enter]) screen.type(key);
    await screen.answer(ADDRESS, `nonsense${KEY.enter}`);
    await screen.shows("It looks like https://example.com/hooks/...");
    screen.type(`\x15${address}${KEY.enter}`);
    await screen.shows("~/.offhook/secrets.env: WEBHOOK_URL (never shown)");
    await screen.answer(WRITE, KEY.enter);
    await screen.answer("Send one event to webhook? Somebody will see it", KEY.enter);
    await screen.shows(/Consumer: webhook was done/);
    await screen.answer(CLUSTER, KEY.enter);
    expect(await screen.ended()).toEqual({ exitCode: 0, signal: null });
    expect(posted).toMatchObject([{ type: "claude-code.SessionStart", data: { source: "startup" } }]);
    expect(screen.screen.raw()).not.toContain("s3cret");
    expect(on.read(".offhook/secrets.env")).toBe(`WEBHOOK_URL=${address}\n`);
    expect(statSync(join(on.home, "secrets.env")).mode & 0o777).toBe(0o600);
  } finally {
    await server.stop(true);
  }
});

test("Ctrl-C while it is proved ends the waiting and what runs; everything is written by then", async () => {
  on.tool("ruff", 'echo $$ > "$HOME/began"; exec sleep 60');
  const screen = on.screen([...SETUP, "--scope", "user", "--consumers", "ruff"], {
    env: { PATH: `${on.root}/bin:/usr/bin:/bin` },
  });
  await screen.answer(WRITE, KEY.enter);
  await until(
    () => on.has("began") && on.read("began") !== "",
    () => screen.screen.text(),
  );
  screen.type(KEY.ctrlC);
  await screen.shows("Stopped. Everything is written all the same.");
  expect(await screen.ended()).toEqual({ exitCode: 0, signal: null });
  expect(isRunning(Number(on.read("began")))).toBe(false);
  expect(on.has(".claude/settings.json")).toBe(true);
  expect(await on.json(["status"], { exitCode: 1 })).toMatchObject({ daemon: { running: false } });
}, 60_000);

test("again: what is there is said, only the rest is offered, and nothing is to change", async () => {
  await on.json(["setup", "--yes", "--service", "none", "--consumers", "ruff"]);
  const before = on.tree();
  const screen = on.screen(SETUP);
  await screen.shows("There already: hooks in ~/.claude/settings.json");
  await screen.shows("There already: ruff");
  await screen.answer(SCOPE, KEY.enter);
  await screen.shows(/Space: select/);
  expect(screen.screen.text()).not.toContain("ruff check");
  screen.type(KEY.enter);
  await screen.shows("Everything is as it should be: nothing to change.");
  expect(await screen.ended()).toEqual({ exitCode: 0, signal: null });
  expect(on.tree()).toEqual(before);
});

test("outside of any project there is no question about it", async () => {
  const screen = on.screen(SETUP, { cwd: on.root });
  await screen.shows("Hooks for all your projects, in ~/.claude/settings.json (this is no project)");
  await screen.answer(CONSUMERS, KEY.ctrlC);
  expect(screen.screen.text()).not.toContain(SCOPE);
  expect((await screen.ended()).exitCode).toBe(130);
});

test("settings that do not parse are told with line and column, and nothing is written", async () => {
  on.write(".claude/settings.json", '{\n  "a": 1,\n}\n');
  const before = on.tree();
  const screen = on.screen(SETUP);
  await screen.answer(SCOPE, KEY.enter);
  await screen.answer(CONSUMERS, KEY.enter);
  expect(await screen.ended()).toEqual({ exitCode: 78, signal: null });
  expect(screen.screen.text()).toMatch(/error: .*settings\.json:3:1: a comma before "}"/);
  expect(on.tree()).toEqual(before);
});

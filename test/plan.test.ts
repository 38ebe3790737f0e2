// From a consumer and its events to what will run, without running it.
import { describe, expect, test } from "bun:test";
import { type CommandPlan, type Plan, type PlanContext, planDelivery } from "../src/attempt/plan.ts";
import type { Action, Consumer } from "../src/config/schema.ts";
import type { StoredEvent } from "../src/event/event.ts";
import { consumerWith, contextWith, storedEvent, webhookTo } from "./fixtures/delivery.ts";

type Given = { consumer?: Partial<Consumer>; events?: StoredEvent[]; context?: Partial<PlanContext> };

function planOf(action: Action, { consumer = {}, events = [storedEvent()], context = {} }: Given = {}): Plan {
  return planDelivery(consumerWith(action, consumer), events, contextWith(context));
}
function commandOf(action: Action, given: Given = {}): CommandPlan {
  const plan = planOf(action, given);
  if (plan.kind !== "command") throw new Error(`not a command: ${JSON.stringify(plan)}`);
  return plan;
}
const run = (...argv: string[]): Action => ({ kind: "run", argv });
const shell = (command: string): Action => ({ kind: "shell", command });

describe("the arguments of run", () => {
  test("are filled as whole arguments", () => {
    const argv = [
      "ruff",
      "--in",
      "{project}",
      "{session}",
      "{agent}",
      "{tool}",
      "{type}",
      "{id}",
      "{node}",
      "--",
      "{file}",
    ];
    expect(commandOf(run(...argv)).argv).toEqual([
      "ruff",
      "--in",
      "/home/ann/shop",
      "session-1",
      "",
      "Write",
      "claude-code.PostToolUse",
      storedEvent().id,
      "n1",
      "--",
      "/home/ann/shop/src/app.py",
    ]);
  });

  test("are left alone where a word is inside a text or is not known", () => {
    expect(commandOf(run("x", "a{file}", "{nope}", "{constructor}", "{}")).argv).toEqual([
      "x",
      "a{file}",
      "{nope}",
      "{constructor}",
      "{}",
    ]);
  });

  test("are never looked at again after they were filled", () => {
    const events = [storedEvent({ subject: "/p/${TOKEN}{tool}", tool: "{session}" })];
    const plan = commandOf(run("x", "{file}", "{tool}"), { events, consumer: { secrets: { TOKEN: "t0ken" } } });
    expect(plan.argv).toEqual(["x", "/p/${TOKEN}{tool}", "{session}"]);
  });

  test("hold a relative file seen from its project, so that it never begins with a dash", () => {
    expect(commandOf(run("x", "{file}"), { events: [storedEvent({ subject: "-rf" })] }).argv).toEqual([
      "x",
      "/home/ann/shop/-rf",
    ]);
    expect(commandOf(run("x", "{file}"), { events: [storedEvent({ subject: "../b/c.py" })] }).argv).toEqual([
      "x",
      "/home/ann/b/c.py",
    ]);
  });

  test("take other words that begin with a dash only after --", () => {
    const events = [storedEvent({ tool: "--exec=evil" })];
    expect(planOf(run("x", "{tool}"), { events })).toMatchObject({
      kind: "impossible",
      reason: expect.stringContaining('{tool} is "--exec=evil"'),
    });
    expect(commandOf(run("x", "--", "{tool}"), { events }).argv).toEqual(["x", "--", "--exec=evil"]);
  });

  test("hold secrets, which are shown by their names", () => {
    const plan = commandOf(run("curl", "-H", "Authorization: Bearer ${TOKEN}"), {
      consumer: { secrets: { TOKEN: "t0ken" } },
    });
    expect(plan.argv[2]).toBe("Authorization: Bearer t0ken");
    expect(plan.shownArgv).toEqual(["curl", "-H", "Authorization: Bearer ${TOKEN}"]);
  });

  test("cannot name a secret that is not there", () => {
    expect(planOf(run("x", "${TOKEN}"))).toEqual({
      kind: "impossible",
      reason: "the secret TOKEN is not set in secrets.env",
    });
  });

  test("cannot hold a NUL byte, nor can a variable", () => {
    expect(planOf(run("x", "--", "{tool}"), { events: [storedEvent({ tool: "a\0b" })] })).toMatchObject({
      kind: "impossible",
      reason: expect.stringContaining("argument 2"),
    });
    expect(planOf(shell("x"), { events: [storedEvent({ sessionId: "a\0b" })] })).toMatchObject({
      kind: "impossible",
      reason: expect.stringContaining("OFFHOOK_SESSION_ID"),
    });
  });
});

describe("files", () => {
  const files = ["/p/a.py", "/p/b.py", "/p/a.py", null, "/p/c.py"].map((subject, seq) => storedEvent({ subject, seq }));

  test("of several events are many arguments, each file once", () => {
    expect(commandOf(run("x", "{files}", "end"), { events: files }).argv).toEqual([
      "x",
      "/p/b.py",
      "/p/a.py",
      "/p/c.py",
      "end",
    ]);
  });

  test("that are gone are left out; with none left the plan is gone", () => {
    expect(
      commandOf(run("x", "{files}"), { events: files, context: { exists: (path) => path === "/p/a.py" } }).argv,
    ).toEqual(["x", "/p/a.py"]);
    expect(planOf(run("x", "{files}"), { events: files, context: { exists: () => false } })).toEqual({
      kind: "gone",
      file: "/p/c.py",
    });
  });

  test("named as {file} mean the last one, and a run without it is gone", () => {
    expect(commandOf(run("x", "{file}"), { events: files }).argv).toEqual(["x", "/p/c.py"]);
    expect(planOf(run("x", "{file}"), { context: { exists: () => false } })).toEqual({
      kind: "gone",
      file: "/home/ann/shop/src/app.py",
    });
  });

  test("that no event has leave nothing to run on", () => {
    const events = [storedEvent({ subject: null })];
    expect(planOf(run("x", "{file}"), { events })).toEqual({ kind: "gone", file: null });
    expect(planOf(run("x", "{files}"), { events })).toEqual({ kind: "gone", file: null });
    expect(planOf(run("x", "{file}"), { events: [storedEvent({ subject: "a.py", project: null })] })).toEqual({
      kind: "gone",
      file: null,
    });
  });

  test("that are gone do not matter to a run that does not name them, nor to a shell line", () => {
    expect(commandOf(run("x"), { context: { exists: () => false } }).argv).toEqual(["x"]);
    expect(commandOf(shell("x"), { context: { exists: () => false } }).env.OFFHOOK_FILE).toBe(
      "/home/ann/shop/src/app.py",
    );
  });
});

describe("a plan", () => {
  test("gives the events on stdin, one line of JSON each", () => {
    const events = [storedEvent(), storedEvent({ seq: 42, contentType: "text/plain", data: "two\nlines" })];
    const lines = commandOf(run("x"), { events }).stdin.split("\n");
    expect(lines).toHaveLength(3);
    expect(lines.slice(0, 2).map((line) => JSON.parse(line).seq)).toEqual([41, 42]);
    expect(lines[2]).toBe("");
  });

  test("of a shell line puts nothing into it", () => {
    const plan = commandOf(shell('ruff "$OFFHOOK_FILE" {file} ${TOKEN}'), {
      consumer: { secrets: { TOKEN: "t0ken" } },
    });
    expect(plan.argv).toEqual(["/bin/sh", "-c", 'ruff "$OFFHOOK_FILE" {file} ${TOKEN}']);
    expect(plan.env.TOKEN).toBe("t0ken");
  });

  test("keeps the consumer's timeout, findings and secrets", () => {
    const consumer = { timeoutMs: 1234, findings: [1, 3], secrets: { A: "bcde" } };
    expect(commandOf(run("x"), { consumer })).toMatchObject(consumer);
  });

  test("of the builtins is a log file, nothing, or a command", () => {
    expect(planOf({ kind: "builtin", builtin: "log" }, { consumer: { name: "all" } })).toEqual({
      kind: "log",
      path: "/home/ann/.offhook/logs/all.ndjson",
      text: commandOf(run("x")).stdin,
    });
    expect(planOf({ kind: "builtin", builtin: "none" })).toEqual({ kind: "none" });
    expect(commandOf({ kind: "builtin", builtin: "notify" }).argv[0]).toBe("notify-send");
  });

  test("never throws: what stands in the way is its reason, without secrets", () => {
    expect(planOf(webhookTo("${A}/x"), { consumer: { secrets: { A: "ftp://s3cret" } } })).toEqual({
      kind: "impossible",
      reason: "the webhook's url is not an address that begins with https:// or http://",
    });
    expect(planOf(run("x"), { events: [] })).toEqual({
      kind: "impossible",
      reason: "a delivery has at least one event",
    });
    expect(planOf({ kind: "builtin", builtin: "notify" }, { events: [storedEvent({ data: "{" })] })).toMatchObject({
      kind: "impossible",
    });
  });
});

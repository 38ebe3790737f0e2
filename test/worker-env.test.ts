// What a worker finds around it: its environment and its directory.
import { describe, expect, test } from "bun:test";
import { type PlanContext, planDelivery } from "../src/attempt/plan.ts";
import type { Consumer } from "../src/config/schema.ts";
import type { StoredEvent } from "../src/event/event.ts";
import { consumerWith, contextWith, storedEvent } from "./fixtures/delivery.ts";

type Given = { consumer?: Partial<Consumer>; events?: StoredEvent[]; context?: Partial<PlanContext> };

function workerOf({ consumer = {}, events = [storedEvent()], context = {} }: Given) {
  const plan = planDelivery(consumerWith({ kind: "run", argv: ["x"] }, consumer), events, contextWith(context));
  if (plan.kind !== "command") throw new Error(`not a command: ${JSON.stringify(plan)}`);
  return plan;
}

describe("the environment of a worker", () => {
  const environmentOf = (environment: Record<string, string>, given: Given = {}) =>
    workerOf({ ...given, context: { environment, ...given.context } }).env;

  test("says what the delivery is about; the last event speaks for all, the depth is one above the deepest", () => {
    const events = [storedEvent({ depth: 2, id: "first" }), storedEvent({ depth: 1, id: "last" })];
    const given = { events, context: { replay: true }, consumer: { name: "lint" } };
    expect(environmentOf({}, given)).toMatchObject({
      OFFHOOK_HOME: "/home/ann/.offhook",
      OFFHOOK_CONSUMER: "lint",
      OFFHOOK_DELIVERY_ID: "d_7",
      OFFHOOK_ATTEMPT: "2",
      OFFHOOK_REPLAY: "1",
      OFFHOOK_EVENT_ID: "last",
      OFFHOOK_FILE: "/home/ann/shop/src/app.py",
      OFFHOOK_PROJECT: "/home/ann/shop",
      OFFHOOK_SESSION_ID: "session-1",
      OFFHOOK_DEPTH: "3",
    });
  });

  test("has an empty variable for what the event does not have, so that sh -u can read it", () => {
    const events = [storedEvent({ subject: null, project: null, sessionId: null })];
    expect(environmentOf({}, { events })).toMatchObject({
      OFFHOOK_FILE: "",
      OFFHOOK_PROJECT: "",
      OFFHOOK_SESSION_ID: "",
      OFFHOOK_REPLAY: "",
    });
  });

  test("keeps the daemon's variables, without the runtime's, another offhook's and the session's that started the daemon", () => {
    const stale = {
      BUN_BE_BUN: "1",
      BUN_OPTIONS: "x",
      BUN_INSPECT: "y",
      OFFHOOK_EVENT_ID: "old",
      OFFHOOK_OLD: "old",
      CLAUDECODE: "1",
      CLAUDE_CODE_SESSION_ID: "old",
      CLAUDE_PROJECT_DIR: "/old",
      CLAUDE_PLUGIN_OPTION_X: "1",
      NOTIFY_SOCKET: "/run/n",
      OLDPWD: "/old",
    };
    const kept = { HOME: "/home/ann", LANG: "C.UTF-8", CLAUDE_CODE_USE_BEDROCK: "1", DISPLAY: ":0", BUNDLE: "b" };
    const environment = environmentOf({ ...stale, ...kept });
    expect(environment).toMatchObject({ ...kept, PWD: "/home/ann/shop", OFFHOOK_EVENT_ID: storedEvent().id });
    for (const name of Object.keys(stale))
      if (name !== "OFFHOOK_EVENT_ID") expect(environment).not.toHaveProperty(name);
  });

  test("has the secrets that the file names and no other, wherever the others came from", () => {
    const environment = environmentOf(
      { OTHER: "from the daemon", MINE: "from the daemon", PLAIN: "p" },
      { consumer: { secrets: { MINE: "from the file" } }, context: { secretNames: ["MINE", "OTHER"] } },
    );
    expect(environment).toMatchObject({ MINE: "from the file", PLAIN: "p" });
    expect(environment).not.toHaveProperty("OTHER");
  });

  test("finds no program in the project's directory", () => {
    expect(environmentOf({ PATH: ".:/usr/bin::bin:/bin:./node_modules/.bin:" }).PATH).toBe("/usr/bin:/bin");
    expect(environmentOf({ PATH: "." }).PATH).toBe("/usr/local/bin:/usr/bin:/bin");
    expect(environmentOf({}).PATH).toBe("/usr/local/bin:/usr/bin:/bin");
  });
});

describe("the directory of a worker", () => {
  const directoryOf = (isThere: (path: string) => boolean, project: string | null = "/home/ann/shop") =>
    workerOf({ events: [storedEvent({ project })], context: { isDirectory: isThere } }).cwd;

  test("is the project, else the user's home, else the root", () => {
    expect(directoryOf(() => true)).toBe("/home/ann/shop");
    expect(directoryOf((path) => path === "/home/ann")).toBe("/home/ann");
    expect(directoryOf(() => true, null)).toBe("/home/ann");
    expect(directoryOf(() => true, "relative")).toBe("/home/ann");
    expect(directoryOf(() => false)).toBe("/");
  });
});

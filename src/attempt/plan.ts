// What a delivery will do, decided before anything is done: the exact command, request or log lines. Pure; the daemon
// runs the plan, `offhook try` shows it.
import { isAbsolute, join } from "node:path";
import type { Consumer } from "../config/schema.ts";
import { messageOf } from "../errors.ts";
import { type StoredEvent, toCloudEventJson } from "../event/event.ts";
import type { Redact } from "../redact/redact.ts";
import { notifyCommand } from "./builtin.ts";
import { filesOf, fillSecrets, lastOf, type Words, wordsOf } from "./fill.ts";
import { makeRedactor } from "./redact.ts";
import { planRequest, type RequestPlan } from "./webhook-plan.ts";
import { workerEnvironment } from "./worker-env.ts";

export type CommandPlan = {
  kind: "command";
  argv: string[];
  /** argv with ${NAME} in the place of each secret. */
  shownArgv: string[];
  cwd: string;
  env: Record<string, string>;
  stdin: string;
  /** 0: no limit. */
  timeoutMs: number;
  /** Exit codes that mean: ran well, found something. */
  findings: readonly number[];
  /** What must not show in any text of the result. */
  secrets: Readonly<Record<string, string>>;
};

export type Plan =
  | CommandPlan
  | RequestPlan
  | { kind: "log"; path: string; text: string }
  | { kind: "none" }
  /** A run that names {file} or {files}: what it named does not exist any more; null: the events have no file. */
  | { kind: "gone"; file: string | null }
  /** It cannot be carried out as the file has it; trying again changes nothing. */
  | { kind: "impossible"; reason: string };

/** What a plan must know beyond the consumer and its events. */
export type PlanContext = {
  deliveryId: string;
  /** From 1. */
  attempt: number;
  replay: boolean;
  /** OFFHOOK_HOME, absolute. */
  home: string;
  /** The user's home directory: where a worker runs when the project is gone. */
  userHome: string;
  /** The daemon's own environment. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Every name of secrets.env, also those that this consumer does not name. */
  secretNames: readonly string[];
  platform: string;
  version: string;
  exists(path: string): boolean;
  isDirectory(path: string): boolean;
  /** Takes secrets out of what leaves this machine. */
  redact: Redact;
};

/** Plans one attempt at a delivery of at least one event. Runs nothing and never throws. */
export function planDelivery(consumer: Consumer, events: readonly StoredEvent[], context: PlanContext): Plan {
  try {
    const { action } = consumer;
    switch (action.kind) {
      case "run":
        return planRun(consumer, action.argv, events, context);
      case "shell":
        // Event data comes by environment and stdin only: nothing is filled into the line; sh reads ${NAME} itself.
        return command(consumer, ["/bin/sh", "-c", action.command], events, context);
      case "webhook":
        return planRequest(consumer, action, events, context);
      case "builtin":
        return planBuiltin(consumer, action.builtin, events, context);
      default:
        return action satisfies never;
    }
  } catch (error) {
    // Whatever stands in the way is this delivery's trouble alone, and its reason says so.
    return { kind: "impossible", reason: makeRedactor(consumer.secrets).whole(messageOf(error)) };
  }
}

function planBuiltin(
  consumer: Consumer,
  builtin: "log" | "notify" | "none",
  events: readonly StoredEvent[],
  context: PlanContext,
): Plan {
  switch (builtin) {
    case "log":
      return { kind: "log", path: join(context.home, "logs", `${consumer.name}.ndjson`), text: ndjson(events) };
    case "notify":
      return command(consumer, notifyCommand(context.platform, consumer.name, events), events, context);
    case "none":
      return { kind: "none" };
    default:
      return builtin satisfies never;
  }
}

function planRun(
  consumer: Consumer,
  template: readonly string[],
  events: readonly StoredEvent[],
  context: PlanContext,
): Plan {
  const words = wordsOf(consumer.name, events);
  const files = filesOf(events);
  const present = template.includes("{files}") ? files.filter((file) => context.exists(file)) : [];
  if (template.includes("{files}") && present.length === 0) return { kind: "gone", file: files.at(-1) ?? null };
  if (template.includes("{file}")) {
    if (words.file === "") return { kind: "gone", file: null };
    if (!context.exists(words.file)) return { kind: "gone", file: words.file };
  }

  const argv = template.flatMap((argument, index) => {
    if (argument === "{files}") return present;
    const word = /^\{([a-z]+)\}$/.exec(argument)?.[1];
    if (word === undefined || !Object.hasOwn(words, word)) return [fillSecrets(argument, consumer.secrets)];
    const value = words[word as keyof Words];
    if (value.startsWith("-") && !template.slice(0, index).includes("--")) {
      throw new Error(`{${word}} is "${value}" here, which would be read as an option; put "--" before it in run`);
    }
    return [value];
  });
  return command(consumer, argv, events, context);
}

function command(consumer: Consumer, argv: string[], events: readonly StoredEvent[], context: PlanContext): Plan {
  const last = lastOf(events);
  const cwd = workingDirectory(last.project, context);
  const env = workerEnvironment({
    daemon: context.environment,
    secretNames: context.secretNames,
    secrets: consumer.secrets,
    cwd,
    delivery: {
      OFFHOOK_HOME: context.home,
      OFFHOOK_CONSUMER: consumer.name,
      OFFHOOK_DELIVERY_ID: context.deliveryId,
      OFFHOOK_ATTEMPT: String(context.attempt),
      OFFHOOK_REPLAY: context.replay ? "1" : "",
      OFFHOOK_EVENT_ID: last.id,
      OFFHOOK_FILE: filesOf(events).at(-1) ?? "",
      OFFHOOK_PROJECT: last.project ?? "",
      OFFHOOK_SESSION_ID: last.sessionId ?? "",
      // One above the deepest: what the worker publishes is a consequence of each of them.
      OFFHOOK_DEPTH: String(Math.max(...events.map((event) => event.depth)) + 1),
    },
  });
  refuseNul(argv, env);
  const redact = makeRedactor(consumer.secrets);
  return {
    kind: "command",
    argv,
    shownArgv: argv.map((argument) => redact.whole(argument)),
    cwd,
    env,
    stdin: ndjson(events),
    timeoutMs: consumer.timeoutMs,
    findings: consumer.findings,
    secrets: consumer.secrets,
  };
}

function workingDirectory(project: string | null, context: PlanContext): string {
  const wanted = [project, context.userHome].find(
    (path) => path !== null && isAbsolute(path) && context.isDirectory(path),
  );
  return wanted ?? "/";
}

/** A NUL ends an argument or variable in C: passing it on would cut it short in silence. */
function refuseNul(argv: readonly string[], env: Readonly<Record<string, string>>): void {
  const at = argv.findIndex((argument) => argument.includes("\0"));
  if (at >= 0) throw new Error(`argument ${at} of the command would hold a NUL byte, which no argument can`);
  const name = Object.keys(env).find((key) => env[key]?.includes("\0"));
  if (name !== undefined) throw new Error(`${name} would hold a NUL byte, which no variable can`);
}

function ndjson(events: readonly StoredEvent[]): string {
  return events.map((event) => `${toCloudEventJson(event)}\n`).join("");
}

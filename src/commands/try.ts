// `offhook try NAME`: why did my consumer (not) run? Goes the way of an event through match, flow and plan, and shows each
// step. Stores nothing; with --run it runs the command here, in the foreground.
import { homedir } from "node:os";
import { type Plan, planDelivery } from "../attempt/plan.ts";
import { findProgram } from "../attempt/program.ts";
import { startAttempt } from "../attempt/run.ts";
import { parse } from "../cli/args.ts";
import { duration, flush, oneLine, paint, print } from "../cli/print.ts";
import { loadConsumers } from "../config/load.ts";
import { nodeNameOf } from "../config/node.ts";
import { homeForLooking, pathsOf } from "../config/paths.ts";
import type { Consumer } from "../config/schema.ts";
import { loadSecrets, type Secrets } from "../config/secrets.ts";
import { planContextOf } from "../daemon/plan-context.ts";
import { skipReason } from "../dispatch/flow.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { makeEvent, type StoredEvent } from "../event/event.ts";
import { projectFinder, realPathFinder } from "../event/project.ts";
import { keyOf } from "../match/key.ts";
import { match, type Rule } from "../match/match.ts";
import { findEvent } from "../stream/find.ts";
import { openInspection } from "../stream/inspect.ts";
import { isTerminal } from "../system/libc.ts";

/** What `try --json` gives; it changes only by addition. */
type Explanation = {
  consumer: string;
  event: { id: string; seq: number | null; type: string; subject: string | null; project: string | null };
  matched: boolean;
  rules: Rule[];
  key: string | null;
  decision: "deliver" | "skip" | "no-match";
  reason: string | null;
  plan: {
    kind: string;
    argv?: string[];
    /** Where argv[0] is found with the PATH of this process; null: nowhere. */
    program?: string | null;
    cwd?: string;
    url?: string;
    method?: string;
    path?: string;
    reason?: string;
  } | null;
};

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("try", argv, {
    json: { type: "boolean" },
    run: { type: "boolean" },
    event: { type: "string" },
  });
  const name = positionals[0];
  if (name === undefined || positionals.length > 1)
    throw new OffhookError(EXIT.usage, "try: name one consumer", "offhook try --help");
  const home = homeForLooking();
  const secrets = home === null ? null : loadSecrets(home);
  if (home === null || secrets === null)
    throw new OffhookError(
      EXIT.notFound,
      `no consumer "${name}": there is no home yet`,
      "offhook help consume has an example",
    );
  const consumer = consumerNamed(home, name, secrets);
  const event = values.event === undefined ? await eventOfStdin(home) : eventOfStream(home, values.event);

  const plan = planDelivery(
    consumer,
    [event],
    planContextOf({ home, secrets, userHome: homedir() }, { id: "d_try", attempt: 1 }),
  );
  const explanation = explain(consumer, event, plan);
  if (values.json) print(JSON.stringify(explanation));
  else for (const line of linesOf(explanation)) print(line);
  flush();
  if (!values.run) return EXIT.ok;
  if (explanation.decision !== "deliver") return EXIT.failed;
  return runHere(plan);
}

function explain(consumer: Consumer, event: StoredEvent, plan: Plan): Explanation {
  const { matched, rules } = match(consumer, event, realPathFinder({ now: Date.now }));
  const skipped = matched
    ? (skipReason(consumer, event) ?? (plan.kind !== "gone" ? null : plan.file === null ? "no-file" : "file-gone"))
    : null;
  return {
    consumer: consumer.name,
    event: {
      id: event.id,
      seq: event.seq === 0 ? null : event.seq,
      type: event.type,
      subject: event.subject,
      project: event.project,
    },
    matched,
    rules,
    key: matched ? keyOf(consumer, event) : null,
    decision: !matched ? "no-match" : skipped !== null ? "skip" : "deliver",
    reason: skipped,
    plan: matched ? shown(plan) : null,
  };
}

/** A plan without what must not be shown. */
function shown(plan: Plan): Explanation["plan"] {
  switch (plan.kind) {
    case "command":
      return { kind: plan.kind, argv: plan.shownArgv, program: findProgram(plan).path, cwd: plan.cwd };
    case "request":
      return { kind: plan.kind, url: plan.shownUrl, method: plan.method };
    case "log":
      return { kind: plan.kind, path: plan.path };
    case "impossible":
      return { kind: plan.kind, reason: plan.reason };
    case "none":
    case "gone":
      return { kind: plan.kind };
    default:
      return plan satisfies never;
  }
}

function linesOf({ consumer, event, rules, key, decision, reason, plan }: Explanation): string[] {
  const about = event.subject === null ? "" : ` on ${oneLine(event.subject)}`;
  const lines = [`${paint("bold", consumer)} and ${oneLine(event.type)}${about}`];
  for (const rule of rules)
    lines.push(
      `  ${rule.ok ? paint("green", "yes") : paint("red", "no ")} ${rule.rule.padEnd(9)} wants ${oneLine(rule.wanted)}; the event has ${oneLine(rule.got)}`,
    );
  if (decision === "no-match") return [...lines, "=> does not match: this consumer leaves the event alone"];
  lines.push(`  key       ${oneLine(key ?? "")}`);
  if (plan?.argv)
    lines.push(
      `  command   ${plan.argv.map((argument) => oneLine(JSON.stringify(argument))).join(" ")}`,
      plan.program === null
        ? `  program   ${paint("red", "not found")} with the PATH of this shell; the daemon has the PATH it was started with`
        : `  program   ${oneLine(plan.program ?? "")}`,
      `  directory ${oneLine(plan.cwd ?? "")}`,
    );
  if (plan?.url) lines.push(`  request   ${plan.method} ${plan.url}`);
  if (plan?.path) lines.push(`  appends   ${plan.path}`);
  if (plan?.reason) lines.push(`  ${paint("red", "cannot run")}: ${oneLine(plan.reason)}`);
  lines.push(decision === "skip" ? `=> skipped: ${reason}` : "=> would be delivered");
  return lines;
}

function consumerNamed(home: string, name: string, secrets: Secrets): Consumer {
  const { consumers, broken } = loadConsumers(home, secrets);
  const wrong = broken.find((one) => one.name === name);
  if (wrong !== undefined)
    throw new OffhookError(
      EXIT.config,
      `consumer "${name}" is broken:\n  ${wrong.errors.join("\n  ")}`,
      "mend the file, then try again",
    );
  const consumer = consumers.find((one) => one.name === name);
  if (consumer !== undefined) return consumer;
  const names = [...consumers, ...broken].map((one) => one.name);
  throw new OffhookError(
    EXIT.notFound,
    `no consumer "${name}" in ${pathsOf(home).consumers}`,
    names.length > 0 ? `there are: ${names.join(", ")}` : "offhook help consume has an example",
  );
}

/** The event that publishing stdin now would make. */
async function eventOfStdin(home: string): Promise<StoredEvent> {
  if (isTerminal(0))
    throw new OffhookError(
      EXIT.usage,
      "try: no event: stdin is a terminal",
      "offhook try NAME < payload.json, or offhook try NAME --event SEQ",
    );
  const body = await Bun.stdin.bytes();
  const header = {
    v: 1 as const,
    id: Bun.randomUUIDv7(),
    time: new Date().toISOString(),
    pid: process.pid,
    args: [],
    env: hookEnv(),
    size: body.length,
    flags: [],
  };
  return {
    seq: 0,
    ...makeEvent(header, body, { node: nodeNameOf(home).name, projectOf: projectFinder({ now: Date.now }) }),
  };
}

function hookEnv(): Record<string, string> {
  const { CLAUDE_PROJECT_DIR, OFFHOOK_DEPTH } = process.env;
  return {
    ...(CLAUDE_PROJECT_DIR === undefined ? {} : { CLAUDE_PROJECT_DIR }),
    ...(OFFHOOK_DEPTH === undefined ? {} : { OFFHOOK_DEPTH }),
  };
}

function eventOfStream(home: string, id: string): StoredEvent {
  const inspection = openInspection(pathsOf(home).ledger);
  const event = inspection === null ? null : findEvent(inspection, id);
  if (event === null)
    throw new OffhookError(EXIT.notFound, `no event ends in "${id}"`, "ids and seqs are in: offhook events --json");
  return event;
}

async function runHere(plan: Plan): Promise<number> {
  const result = await startAttempt(plan, { killAfterMs: 5000, note: print }).done;
  for (const text of [result.stdout, result.stderr]) if (text !== "") print(text.trimEnd());
  const end = result.exitCode === null ? (result.reason ?? "") : `exit ${result.exitCode}`;
  print(`=> ${result.outcome}${end === "" ? "" : ` (${end})`} after ${duration(result.durationMs)}`);
  flush();
  return result.outcome === "ok" || result.outcome === "findings" ? EXIT.ok : EXIT.failed;
}

// `offhook try NAME`: why did my consumer (not) run? Goes the way of an event through match, flow and plan, and shows each
// step. Stores nothing; with --run it runs the command here, in the foreground.
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Plan, planDelivery } from "../attempt/plan.ts";
import { startAttempt } from "../attempt/run.ts";
import { parse } from "../cli/args.ts";
import { duration, flush, print } from "../cli/print.ts";
import { loadConsumers } from "../config/load.ts";
import { ensureNodeConfig, nodeNameOf } from "../config/node.ts";
import { homeForLooking, pathsOf } from "../config/paths.ts";
import { projectFileFinder } from "../config/project-file.ts";
import type { Consumer } from "../config/schema.ts";
import { loadSecrets, type Secrets } from "../config/secrets.ts";
import { planContextOf } from "../daemon/plan-context.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { makeEvent, type StoredEvent } from "../event/event.ts";
import { projectFinder, realPathFinder } from "../event/project.ts";
import { findEvent } from "../ledger/find.ts";
import { openInspection } from "../ledger/inspect.ts";
import { memoryOf } from "../ledger/memory.ts";
import { keyOf } from "../match/key.ts";
import { isTerminal } from "../system/libc.ts";
import { explain, explanationLines, type Known } from "./explanation.ts";

/** What keeps a delivery, but not somebody who wants to see it run. */
const RUN_ANYWAY = ["silenced", "max-age", "duplicate", "cooldown"];

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

  const patterns = existsSync(join(home, "config.toml")) ? ensureNodeConfig(home).redact : [];
  const place = { home, secrets, userHome: homedir(), environment: process.env, patterns };
  const plan = planDelivery(
    consumer,
    [event],
    planContextOf(place, { id: `d_try_${process.pid}`, attempt: 1, replay: false }),
  );
  const explanation = explain(consumer, event, plan, known(home, consumer, event));
  if (values.json) print(JSON.stringify(explanation));
  else for (const line of explanationLines(explanation)) print(line);
  flush();
  if (!values.run) return EXIT.ok;
  const { decision, reason } = explanation;
  return decision === "deliver" || RUN_ANYWAY.includes(reason ?? "") ? runHere(plan) : EXIT.failed;
}

/** What the ledger and the disk know of an event and its key. */
function known(home: string, consumer: Consumer, event: StoredEvent): Known {
  const ledger = pathsOf(home).ledger;
  const inspection = openInspection(ledger);
  const group = inspection?.groups(Date.now()).find((one) => one.consumer === consumer.name);
  const cursor = inspection === null || group === undefined ? 0 : inspection.lastSeq() - group.lag;
  // What a consumer of the cluster did is in Redis.
  const isOfStream = inspection !== null && event.seq > 0 && consumer.scope === "node";
  const deliveries = isOfStream ? inspection.deliveriesOf(event.seq) : [];
  const skips = isOfStream ? inspection.skipsOf(event.seq) : [];
  inspection?.close();
  const isIts = (one: { consumer: string }) => one.consumer === consumer.name;
  const before = {
    deliveries: deliveries.filter(isIts).map(({ id, state }) => ({ id, state })),
    skipped: skips.find(isIts)?.reason ?? null,
  };
  return {
    nowMs: Date.now(),
    isOff: existsSync(join(home, "config.toml")) && ensureNodeConfig(home).disabled.includes(consumer.name),
    projectFile: projectFileFinder({ now: Date.now })(event.project),
    memory:
      consumer.scope === "cluster" || (isOfStream && event.seq <= cursor)
        ? null
        : memoryOf(ledger, consumer.name, keyOf(consumer, event)),
    before: isOfStream ? before : null,
    isPaused: group?.paused ?? false,
    isRated: group?.waiting === "rate",
    realPath: realPathFinder({ now: Date.now }),
  };
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

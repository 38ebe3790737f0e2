// What `try` explains: an event's way through match, flow and plan, each step as the daemon would go it now. What the
// ledger and the disk know of the event is handed in.
import type { Plan } from "../attempt/plan.ts";
import { findProgram } from "../attempt/program.ts";
import { duration, oneLine, paint } from "../cli/print.ts";
import { partitionOf } from "../cluster/shares.ts";
import { formatDuration } from "../config/duration.ts";
import type { ProjectFile } from "../config/project-file.ts";
import type { Consumer } from "../config/schema.ts";
import { type Circumstances, cooldownOf, decide, startSkip } from "../dispatch/flow.ts";
import type { StoredEvent } from "../event/event.ts";
import type { KeyMemory } from "../ledger/memory.ts";
import { keyOf } from "../match/key.ts";
import { match, type Rule } from "../match/match.ts";
import type { RealPath } from "../match/rule.ts";

/** What `try --json` gives; it changes only by addition. */
export type Explanation = {
  consumer: string;
  event: { id: string; seq: number | null; type: string; subject: string | null; project: string | null };
  matched: boolean;
  rules: Rule[];
  key: string | null;
  /** Of a consumer of the cluster: which of its partitions (from 0) the key belongs to; null: it is the node's own. */
  cluster: { partition: number; partitions: number } | null;
  /** Of an event of the stream: what the consumer made of it. */
  before: { deliveries: { id: string; state: string }[]; skipped: string | null } | null;
  /** The rules of time that the file sets, and what they come to for this event now. */
  flow: { rule: string; text: string }[];
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

/** What is known around the event. */
export type Known = {
  nowMs: number;
  isOff: boolean;
  /** The file of the event's project. */
  projectFile: ProjectFile | null;
  /**
   * Of the event's key; null: it was decided on before, so that what is remembered may be this event itself, or it is remembered in the
   * cluster.
   */
  memory: KeyMemory | null;
  before: Explanation["before"];
  isPaused: boolean;
  isRated: boolean;
  realPath: RealPath;
};

/** Explains what a consumer would make of an event now. */
export function explain(consumer: Consumer, event: StoredEvent, plan: Plan, known: Known): Explanation {
  const { matched, rules } = match(consumer, event, known.realPath);
  const reason = matched ? reasonOf(consumer, event, plan, known) : null;
  const { id, seq, type, subject, project } = event;
  return {
    consumer: consumer.name,
    event: { id, seq: seq === 0 ? null : seq, type, subject, project },
    matched,
    rules,
    key: matched ? keyOf(consumer, event) : null,
    cluster: matched && consumer.scope === "cluster" ? placeOf(consumer, event) : null,
    before: known.before,
    flow: matched ? flowOf(consumer, event, known) : [],
    decision: !matched ? "no-match" : reason !== null ? "skip" : "deliver",
    reason,
    plan: matched ? shown(plan) : null,
  };
}

function placeOf(consumer: Consumer, event: StoredEvent): Explanation["cluster"] {
  const { partitions } = consumer;
  return { partition: partitionOf(keyOf(consumer, event), partitions), partitions };
}

function reasonOf(consumer: Consumer, event: StoredEvent, plan: Plan, known: Known): string | null {
  const around = circumstances(known);
  const { memory } = known;
  const decision = decide(consumer, () => true, event.seq - 1, [event], around, {
    acceptedMs: () => memory?.acceptedMs ?? null,
    hold: () => memory?.hold ?? null,
  });
  const [skip] = decision.skips;
  if (skip !== undefined) return skip.reason;
  const fresh = { attempts: 0, replay: false };
  const late = startSkip(consumer, fresh, [event], around, () => memory?.cooledMs ?? null);
  if (late !== null) return late;
  return plan.kind !== "gone" ? null : plan.file === null ? "no-file" : "file-gone";
}

function circumstances({ nowMs, isOff, projectFile }: Known): Circumstances {
  return { nowMs, isOff, silencingOf: () => projectFile?.silencing ?? null };
}

/** The rules that the file or the project sets, in the order in which they are judged. */
function flowOf(consumer: Consumer, event: StoredEvent, known: Known): Explanation["flow"] {
  const { nowMs, memory, projectFile } = known;
  const flow: Explanation["flow"] = [];
  const say = (rule: string, text: string) => flow.push({ rule, text });
  const ago = (ms: number) => `${duration(Math.max(0, nowMs - ms))} ago`;
  if (projectFile !== null) say("project", projectText(consumer, projectFile));
  if (consumer.maxAgeMs > 0)
    say("max_age", `${formatDuration(consumer.maxAgeMs)}; the event is from ${ago(event.timeMs)}`);
  const decided =
    consumer.scope === "cluster"
      ? "what is remembered of this key is in Redis, and was not looked at"
      : "the event was decided on before; what is remembered of its key may be itself";
  if (consumer.scope === "cluster" && namesFile(consumer))
    say("cluster", "whichever node owns the partition runs it, and the file may not be on that machine");
  if (consumer.dedupMs > 0) {
    const last = memory?.acceptedMs ?? null;
    const apart = last === null ? 0 : event.timeMs - last;
    const near = `the last accepted one of this key is ${duration(Math.abs(apart))} ${apart < 0 ? "younger" : "older"}`;
    const text = memory === null ? decided : last === null ? "none of this key is remembered" : near;
    say("dedup", `${formatDuration(consumer.dedupMs)}; ${text}`);
  }
  if (consumer.debounce !== null) {
    const { quietMs, maxMs } = consumer.debounce;
    const hold = memory?.hold ?? null;
    const forMs = Math.max(0, nowMs - (hold?.openedMs ?? nowMs));
    const joined = hold === null ? "" : `; held of this key by now: ${hold.events}, for ${duration(forMs)}`;
    say("debounce", `waits for ${formatDuration(quietMs)} of quiet, at most ${formatDuration(maxMs)}${joined}`);
  }
  const cooldownMs = cooldownOf(consumer, projectFile?.silencing ?? null);
  if (cooldownMs > 0) {
    const last = memory?.cooledMs ?? null;
    const ended = last === null ? "nothing of this key is remembered" : `the last one of this key ended ${ago(last)}`;
    say("cooldown", `${formatDuration(cooldownMs)}; ${memory === null ? decided : ended}`);
  }
  if (consumer.rate !== null) {
    const { count, perMs } = consumer.rate;
    say("rate", `${count} in ${formatDuration(perMs)}${known.isRated ? "; it is used up now: it would wait" : ""}`);
  }
  if (known.isPaused) say("paused", `it would wait until: offhook resume ${consumer.name}`);
  return flow;
}

function namesFile({ action }: Consumer): boolean {
  if (action.kind === "run") return action.argv.some((word) => word === "{file}" || word === "{files}");
  return action.kind === "shell" && action.command.includes("OFFHOOK_FILE");
}

function projectText({ name, silenceable }: Consumer, { path, silencing, error }: ProjectFile): string {
  if (error !== null) return `refused, so that it silences nothing: ${error}`;
  const cooldownMs = Object.hasOwn(silencing.cooldownMs, name) ? (silencing.cooldownMs[name] ?? 0) : 0;
  const asks = [
    silencing.disabled === true || silencing.disabled.includes(name) ? "silence" : "",
    cooldownMs > 0 ? `a cooldown of ${formatDuration(cooldownMs)}` : "",
  ].filter(Boolean);
  if (asks.length === 0) return `${path} asks nothing of it`;
  return `${path} asks for ${asks.join(" and ")}${silenceable ? "" : ", and silenceable = false holds"}`;
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

/** The explanation in lines for eyes. */
export function explanationLines(explanation: Explanation): string[] {
  const { consumer, event, rules, key, cluster, before, flow, decision, reason, plan } = explanation;
  const about = event.subject === null ? "" : ` on ${oneLine(event.subject)}`;
  const lines = [`${paint("bold", consumer)} and ${oneLine(event.type)}${about}`];
  for (const rule of rules)
    lines.push(
      `  ${rule.ok ? paint("green", "yes") : paint("red", "no ")} ${rule.rule.padEnd(9)} wants ${oneLine(rule.wanted)}; the event has ${oneLine(rule.got)}`,
    );
  if (before !== null) lines.push(`  before    ${beforeText(before)}`);
  if (decision === "no-match") return [...lines, "=> does not match: this consumer leaves the event alone"];
  lines.push(`  key       ${oneLine(key ?? "")}`);
  if (cluster !== null) lines.push(`  partition ${cluster.partition} (of ${cluster.partitions}, from 0)`);
  for (const { rule, text } of flow) lines.push(`  ${rule.padEnd(9)} ${oneLine(text)}`);
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

function beforeText({ deliveries, skipped }: NonNullable<Explanation["before"]>): string {
  const made = deliveries.map(({ id, state }) => `${id} ${state}`);
  if (skipped !== null) made.push(`skipped: ${skipped}`);
  return made.length === 0 ? "not decided on yet, or not wanted then" : made.join(", ");
}

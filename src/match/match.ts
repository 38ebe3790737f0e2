// Does a consumer want an event? Pure: what must be asked of the disk (real paths) is handed in.
// Each key that a file sets becomes one rule, compiled once. All rules must hold. The quick answer and the explained one are
// made of the same rules.
import type { Consumer } from "../config/schema.ts";
import type { Event } from "../event/event.ts";
import { compileGlob } from "./glob.ts";
import { fileRule, projectRule } from "./match-path.ts";
import { anyOf, type CompiledRule, quoted, type RealPath, type Subject } from "./rule.ts";
import { presentToolName } from "./tool-names.ts";
import { whereRules } from "./where.ts";

/** One rule and what came of it, in words for people. */
export type Rule = { rule: CompiledRule["rule"]; wanted: string; got: string; ok: boolean };

export type Match = { matched: boolean; rules: Rule[] };

/** Compiles what a consumer wants to one quick test, to be made once for each version of its file. */
export function compileMatch(consumer: Consumer, realPath: RealPath): (event: Event) => boolean {
  const rules = compileRules(consumer, realPath);
  return (event) => {
    const subject = subjectOf(event);
    return rules.every((rule) => rule.test(subject));
  };
}

/** The same answer with each rule that the file sets, in the order of the file's keys: why an event matched, or why not. */
export function match(consumer: Consumer, event: Event, realPath: RealPath): Match {
  const subject = subjectOf(event);
  const rules = compileRules(consumer, realPath).map(
    ({ rule, wanted, got, test }): Rule => ({ rule, wanted, got: got(subject), ok: test(subject) }),
  );
  return { matched: rules.every((rule) => rule.ok), rules };
}

function compileRules(consumer: Consumer, realPath: RealPath): CompiledRule[] {
  const rules = [onRule(consumer.on)];
  if (consumer.tools !== null) rules.push(toolsRule(consumer.tools));
  if (consumer.files !== null) rules.push(fileRule(consumer.files));
  if (consumer.projects !== null) rules.push(projectRule(consumer.projects, realPath));
  if (consumer.agent !== "any") rules.push(agentRule(consumer.agent));
  return [...rules, ...whereRules(consumer.where)];
}

/** Globs on the type; the events of Claude Code are known by their own name too: PostToolUse is claude-code.PostToolUse. */
export function compileTypes(patterns: readonly string[]): (type: string) => boolean {
  const globs = patterns.map((pattern) => compileGlob(pattern, "."));
  const prefix = "claude-code.";
  return (type) => {
    const name = type.startsWith(prefix) ? type.slice(prefix.length) : null;
    return globs.some((glob) => glob(type) || (name !== null && glob(name)));
  };
}

function onRule(patterns: readonly string[]): CompiledRule {
  const isWanted = compileTypes(patterns);
  return {
    rule: "on",
    wanted: anyOf(patterns),
    got: ({ event }) => quoted(event.type),
    test: ({ event }) => isWanted(event.type),
  };
}

/** A tool's old name and its present one are the same, on either side. */
function toolsRule(patterns: readonly string[]): CompiledRule {
  const globs = patterns.map((pattern) => compileGlob(presentToolName(pattern), null));
  return {
    rule: "tools",
    wanted: anyOf(patterns),
    got: ({ event }) => (event.tool === null ? "no tool" : quoted(event.tool)),
    test({ event: { tool } }) {
      if (tool === null) return false;
      const present = presentToolName(tool);
      return globs.some((glob) => glob(present) || glob(tool));
    },
  };
}

function agentRule(wanted: "main" | "subagent"): CompiledRule {
  const agentOf = (event: Event) => (event.agentId === null ? "main" : "subagent");
  return {
    rule: "agent",
    wanted,
    got: ({ event }) => agentOf(event),
    test: ({ event }) => agentOf(event) === wanted,
  };
}

function subjectOf(event: Event): Subject {
  let parsed: { value: unknown } | null = null;
  return {
    event,
    data() {
      parsed ??= { value: dataOf(event) };
      return parsed.value;
    },
  };
}

function dataOf(event: Event): unknown {
  switch (event.contentType) {
    case "application/json":
      return JSON.parse(event.data);
    case "text/plain":
      return event.data;
    case "application/octet-stream":
      return undefined;
    default:
      return event.contentType satisfies never;
  }
}

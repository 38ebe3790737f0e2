// Which hooks the consumers need, and which consumer waits for what no hook sends. Pure.
//
// An event is needed when an enabled consumer's `on` fits it. Its matcher is the union of the `tools` of those who need it: each
// firing of a hook costs the agent about 10 ms, so what nobody wants is not sent.
import type { Consumer } from "../config/schema.ts";
import { compileTypes } from "../match/match.ts";
import { FORGIVING_SINCE, HOOK_EVENTS, type HookEvent, timeoutOf } from "./hook-events.ts";
import { coversTool, matcherFor, watchedNames } from "./matcher.ts";
import { type ClaudeVersion, isAtLeast } from "./version.ts";

/** One hook: an event, the matcher (null: all) and how long Claude Code waits for it, in seconds. */
export type WantedHook = { event: string; matcher: string | null; timeoutS: number };

/** An event that a consumer names and that no hook will send, and why, as the end of a sentence. */
export type Unsent = { consumer: string; event: string; why: string };

/** What hooks are made from; a whole Consumer is one. */
export type Waiting = Pick<Consumer, "name" | "on" | "tools" | "files" | "enabled">;

/** The hooks that the consumers need of this Claude Code (null: its version is not known), in a fixed order. */
export function hooksWanted(
  consumers: readonly Waiting[],
  version: ClaudeVersion | null,
): { hooks: WantedHook[]; unsent: Unsent[] } {
  const waiting = consumers.filter((consumer) => consumer.enabled).map(needsOf);
  const hooks: WantedHook[] = [];
  const unsent: Unsent[] = waiting.flatMap((needs) => needs.unsent);
  for (const event of HOOK_EVENTS) {
    const takers = waiting.filter((needs) => needs.events.includes(event)).map((needs) => needs.consumer);
    if (takers.length === 0) continue;
    const why = gate(event, version);
    if (why === null)
      hooks.push({ event: event.name, matcher: matcherOf(event, takers), timeoutS: timeoutOf(event.name) });
    else
      unsent.push(
        ...takers
          .filter((taker) => isNamed(taker, event.name))
          .map(({ name }) => ({ consumer: name, event: event.name, why })),
      );
  }
  return { hooks, unsent };
}

/** The events that a consumer waits for and that none of these hooks sends it, by name; none for a disabled one. */
export function hookSends(hooks: readonly Pick<WantedHook, "event" | "matcher">[], consumer: Waiting): string[] {
  if (!consumer.enabled) return [];
  return needsOf(consumer)
    .events.filter((event) => {
      const matchers = hooks.filter((hook) => hook.event === event.name).map((hook) => hook.matcher);
      return !isCovered(event, matchers, consumer);
    })
    .map((event) => event.name);
}

type Needs = { consumer: Waiting; events: HookEvent[]; unsent: Unsent[] };

/** What a consumer waits for of what can be sent, and what it names in vain. */
function needsOf(consumer: Waiting): Needs {
  const fits = compileTypes(consumer.on);
  const events: HookEvent[] = [];
  const unsent: Unsent[] = [];
  for (const event of HOOK_EVENTS.filter((one) => fits(`claude-code.${one.name}`))) {
    const named = isNamed(consumer, event.name);
    const why = inVain(event, consumer);
    if (why === null && (event.only === null || named)) events.push(event);
    else if (why !== null && named) unsent.push({ consumer: consumer.name, event: event.name, why });
  }
  for (const word of consumer.on) {
    const why = unknown(word);
    if (why !== null) unsent.push({ consumer: consumer.name, event: word, why });
  }
  return { consumer, events, unsent };
}

function isNamed(consumer: Waiting, event: string): boolean {
  return consumer.on.includes(event) || consumer.on.includes(`claude-code.${event}`);
}

/** Why a consumer never gets an event, whatever is installed; null when it can. */
function inVain(event: HookEvent, consumer: Waiting): string | null {
  if (event.only === "never")
    return "no hook may only look on there: Claude Code would take it for the one that makes the worktree";
  if (consumer.tools !== null && !event.hasTool) return "it is about no tool, and tools is set";
  if (event.name === "FileChanged" && watchedNames(consumer.files).length === 0)
    return 'Claude Code watches files by their plain names alone: write for instance files = ["package.json"]';
  return null;
}

/** Why a word of `on` can only mean an event that Claude Code does not have; null for globs, own types and known events. */
function unknown(word: string): string | null {
  const name = word.startsWith("claude-code.") ? word.slice("claude-code.".length) : word;
  if (!/^[A-Za-z]+$/.test(name) || HOOK_EVENTS.some((event) => event.name === name)) return null;
  const meant = HOOK_EVENTS.find((event) => event.name.toLowerCase() === name.toLowerCase());
  if (meant !== undefined) return `it is written ${meant.name}`;
  return word === name && /^[a-z]/.test(name) ? null : "Claude Code has no such event that offhook knows of";
}

function gate(event: HookEvent, version: ClaudeVersion | null): string | null {
  if (event.since === null) {
    if (event.isOld || version === null || isAtLeast(version, FORGIVING_SINCE)) return null;
    return `before ${FORGIVING_SINCE} a name that Claude Code does not know costs the whole settings file, and this is ${version.text}`;
  }
  if (version === null) return `it needs Claude Code ${event.since}, and which one is installed is not known`;
  return isAtLeast(version, event.since) ? null : `it needs Claude Code ${event.since}, and this is ${version.text}`;
}

function matcherOf(event: HookEvent, takers: readonly Waiting[]): string | null {
  if (event.name === "FileChanged")
    return [...new Set(takers.flatMap(({ files }) => watchedNames(files)))].sort().join("|");
  return event.hasTool ? matcherFor(takers.map(({ tools }) => tools)) : null;
}

function isCovered(event: HookEvent, matchers: readonly (string | null)[], consumer: Waiting): boolean {
  if (matchers.length === 0) return false;
  if (event.name === "FileChanged") {
    const watched = matchers.flatMap((matcher) => matcher?.split("|") ?? []);
    return watchedNames(consumer.files).every((name) => watched.includes(name));
  }
  if (!event.hasTool) return true;
  return (consumer.tools ?? [null]).every((tool) => matchers.some((matcher) => coversTool(matcher, tool)));
}

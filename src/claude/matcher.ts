// Matchers of Claude Code: what is written for the tools that consumers want, and what a matcher lets through. Pure.
//
// As Claude Code 2.1.329 reads one: absent, "" and "*" are everything; of letters, digits, "_", "-", space, "," and "|" alone it
// is a list of exact names; anything else is a regular expression that may fit anywhere.
import { presentToolName } from "../match/tool-names.ts";

const PLAIN_NAME = /^[A-Za-z0-9_-]+$/;
/** The comma needs 2.1.191: it is read, and never written. */
const NAME_LIST = /^[A-Za-z0-9_\- ,|]+$/;
const ANY_TOOL = /^\*+$/;

/** The matcher for consumers with these `tools`: plain names joined by "|", with a glob one anchored expression; null: all. */
export function matcherFor(tools: readonly (readonly string[] | null)[]): string | null {
  const wanted = new Set<string>();
  for (const list of tools) {
    if (list === null || list.some((tool) => ANY_TOOL.test(tool))) return null;
    // A tool of two names is sent under the one or the other, by the version of Claude Code.
    for (const tool of list) wanted.add(tool).add(presentToolName(tool));
  }
  const sorted = [...wanted].sort();
  return sorted.every((tool) => PLAIN_NAME.test(tool))
    ? sorted.join("|")
    : `^(?:${sorted.map(expressionOf).join("|")})$`;
}

/** Whether a matcher lets through every tool that a pattern of `tools` means; null: every tool there is. */
export function coversTool(matcher: string | null, tool: string | null): boolean {
  if (isEverything(matcher)) return true;
  if (tool === null || ANY_TOOL.test(tool)) return false;
  // A glob stands for endless names: one that nobody has written down shows whether they get through.
  const name = presentToolName(tool).replace(/\*+/g, "any_0ffhook_name").replaceAll("?", "x");
  return fits(matcher, name) || fits(matcher, tool);
}

/** Whether a matcher is one of the ways to say "all". */
export function isEverything(matcher: string | null): matcher is null {
  return matcher === null || matcher === "" || matcher === "*";
}

/** The names that FileChanged can watch, of a consumer's `files`: no directories, nothing that a matcher takes for itself. */
export function watchedNames(files: readonly string[] | null): string[] {
  return (files ?? []).filter((file) => /^[A-Za-z0-9_.-]+$/.test(file));
}

function fits(matcher: string, name: string): boolean {
  if (NAME_LIST.test(matcher))
    return matcher.split(/[|,]/).some((one) => presentToolName(one.trim()) === presentToolName(name));
  try {
    return new RegExp(matcher).test(name);
  } catch {
    return false; // An expression that is none matches nothing, and Claude Code only logs it.
  }
}

function expressionOf(glob: string): string {
  return glob
    .replace(/[.+^${}()|[\]\\/]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replaceAll("?", ".");
}

// The hook's own lines: what Claude Code is told to run, and which lines in a settings file are ours, in any form that we ever
// wrote or a document told people to write. Pure.

import type { Scope } from "./places.ts";
import { type ClaudeVersion, isAtLeast } from "./version.ts";

/**
 * exec: started directly (Claude Code 2.1.139 and later). shell: a guarded line for older ones. portable: for a file that others
 * get too; it looks for offhook on PATH and in ~/.local/bin, and does nothing where there is none.
 */
export type HookForm = { kind: "exec"; binary: string } | { kind: "shell"; binary: string } | { kind: "portable" };

/** One entry of a `hooks` list, as it is written. `timeout` is in seconds. */
export type Handler = { type: "command"; command: string; args?: string[]; timeout: number };

/** What a line of ours says: which binary (null: whichever is found), and the words after publish. */
export type OwnLine = { binary: string | null; words: string[] };

/** `args` is known since this version; before, it is ignored. */
const EXEC_SINCE = "2.1.139";

/**
 * The form for a settings file. An unknown version (null) gets exec too: one that does not know `args` runs the binary alone,
 * which then does what publish does.
 */
export function formFor(scope: Scope, version: ClaudeVersion | null, binary: string): HookForm {
  if (scope === "project") return { kind: "portable" };
  const kind = version === null || isAtLeast(version, EXEC_SINCE) ? "exec" : "shell";
  return { kind, binary };
}

/** The entry of a form; `words` are further words for publish. */
export function handlerOf(form: HookForm, timeoutS: number, words: readonly string[] = []): Handler {
  const args = ["publish", ...words];
  const line = args.join(" ");
  // A hook that ends without reading is an error to Claude Code when much is sent: so cat takes it where offhook cannot.
  const otherwise = "exec cat >/dev/null";
  switch (form.kind) {
    case "exec":
      return { type: "command", command: form.binary, args, timeout: timeoutS };
    case "shell": {
      const binary = quoted(form.binary);
      const command = `[ -x ${binary} ] && exec ${binary} ${line}; ${otherwise}`;
      return { type: "command", command, timeout: timeoutS };
    }
    case "portable": {
      const find = 'o=$(command -v offhook) || o=$HOME/.local/bin/offhook; case $o in /*) [ -x "$o" ]';
      return { type: "command", command: `${find} && exec "$o" ${line};; esac; ${otherwise}`, timeout: timeoutS };
    }
    default:
      return form satisfies never;
  }
}

/** Whether an entry of a `hooks` list is ours. */
export function isOurs(handler: unknown): boolean {
  return ownLine(handler) !== null;
}

/** What an entry of ours says; null for one of somebody else. */
export function ownLine(handler: unknown): OwnLine | null {
  if (typeof handler !== "object" || handler === null) return null;
  const { type, command, args } = handler as Record<string, unknown>;
  if ((type !== undefined && type !== "command") || typeof command !== "string") return null;
  if (args === undefined) return ownShellLine(command);
  if (!isOffhook(command) || !Array.isArray(args) || !args.every((arg) => typeof arg === "string")) return null;
  return ownWords(command, args);
}

/** Our own is as long as two paths at most. */
const LONGEST_LINE = 10_000;

const WORD = String.raw`(?:"[^"\`]*"|'[^']*'|\\.|[^\s"'\`;&|<>()\\])+`;
const PUBLISH = String.raw`(?:exec )?(?<binary>${WORD})(?<words>(?: (?!\d)[\w=-]+)*)`;
const GUARD = String.raw`command -v (?:${WORD})(?: ?>/dev/null(?: 2>&1)?| ?&>/dev/null)?|\[ -x (?:${WORD}) \]|test -x (?:${WORD})`;
const ELSE = "(?:;? ?(?:exec )?cat ?>/dev/null)?(?: ?;? ?exit 0)?";
const QUIET = String.raw`(?: ?(?:>|1>|2>|&>) ?/dev/null| ?2>&1)*(?: ?\|\| ?(?:true|:|exit 0))?`;

/** Whole lines: one that does more than call offhook (a pipe, a second command) is somebody's own work. */
const SHAPES = [
  PUBLISH + QUIET,
  String.raw`(?:${GUARD}) ?\|\| ?exit 0 ?; ?${PUBLISH}${QUIET}`,
  `(?:${GUARD}) ?&& ?${PUBLISH}${QUIET}${ELSE}`,
  `if (?:${GUARD}) ?; ?then ${PUBLISH}${QUIET} ?;(?: ?else ${ELSE} ?;)? ?fi`,
  String.raw`o=\$\(command -v offhook\) \|\| o=\$HOME/\.local/bin/offhook; case \$o in /\*\) \[ -x "\$o" \] && exec (?<binary>"\$o")(?<words>(?: (?!\d)[\w=-]+)*);; esac${ELSE}`,
].map((shape) => new RegExp(`^${shape}$`));

function ownShellLine(command: string): OwnLine | null {
  if (command.length > LONGEST_LINE) return null;
  const line = command.trim().replace(/\s+/g, " ").replace(/ ?;$/, "");
  for (const shape of SHAPES) {
    const groups = shape.exec(line)?.groups;
    if (groups === undefined) continue;
    const binary = unquoted(groups.binary ?? "");
    const isFound = binary === "$o";
    if (!isFound && !isOffhook(binary)) return null;
    return ownWords(
      isFound || !binary.startsWith("/") ? null : binary,
      (groups.words ?? "").split(" ").filter(Boolean),
    );
  }
  return null;
}

function isOffhook(path: string): boolean {
  return path === "offhook" || path.endsWith("/offhook");
}

/** Only publish, alone or with how durable it is to be: `publish --type` is somebody's own event. No word at all does the same. */
function ownWords(binary: string | null, args: readonly string[]): OwnLine | null {
  const [verb, ...words] = args;
  if (verb === undefined) return { binary, words: [] };
  if (verb !== "publish" || !/^(?:--durability(?:=| )[a-z]+)?$/.test(words.join(" "))) return null;
  return { binary, words };
}

/** A word as a shell reads it, but for what it would put in for a `$`. */
function unquoted(word: string): string {
  return word.replace(/"([^"]*)"|'([^']*)'|\\(.)/g, (_, double, single, char) => double ?? single ?? char);
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

// .offhook.toml of a project: leaves consumers out there, or slows them down. A repository wrote it, so it is believed in
// nothing else: it never makes anything run, and whatever else stands in it, or is in its place, refuses it whole.
//
// 1. From the project upward to the repository's root, the first one there is. 2. Opened without following a link or waiting
// for a FIFO. 3. Judged. The answer is kept for a while and for so many projects, since every event asks.
import { closeSync, constants, fstatSync, lstatSync, openSync } from "node:fs";
import { posix } from "node:path";
import * as v from "valibot";
import { codeOf } from "../errors.ts";
import { type LookUp, projectFinder } from "../event/project.ts";
import { toLines } from "./finding.ts";
import { check } from "./issues.ts";
import { textOf } from "./own-file.ts";
import { isProblem, parseToml } from "./toml.ts";
import { unknownKeys } from "./unknown.ts";
import { consumerName, duration, isConsumerName, isTable } from "./values.ts";

/** What a project asks for: consumers by name, true for all. It holds only for those that are silenceable. */
export type Silencing = { disabled: readonly string[] | true; cooldownMs: Readonly<Record<string, number>> };

/** A file that was found. `error`: one line "PATH:LINE: what", and then it silences nothing. */
export type ProjectFile = { path: string; silencing: Silencing; error: string | null };

const FILE = ".offhook.toml";
const TTL_MS = 5_000;
const MAX_BYTES = 64 * 1024;
const MOST_KEYS = 1_000;
const MOST_NAMES = 200;
const FEW = "it needs a few lines only";
const MOST_PROJECTS = 1_000;
const LONGEST_ERROR = 300;
const NOTHING: Silencing = { disabled: [], cooldownMs: noCooldowns() };

/**
 * Makes the finder of a project's file, by the project's absolute directory: looked for upward to the nearest directory with
 * `.git`, that one included; without one, in the project alone. Null: there is none. Never throws for what is on the disk.
 */
export function projectFileFinder({ now, ttlMs = TTL_MS }: LookUp): (project: string | null) => ProjectFile | null {
  const rootOf = projectFinder({ now, ttlMs: 0 });
  const answers = new Map<string, { file: ProjectFile | null; atMs: number }>();
  return (project) => {
    if (project === null) return null;
    const known = answers.get(project);
    const nowMs = now();
    if (known !== undefined && nowMs >= known.atMs && nowMs - known.atMs < ttlMs) return known.file;
    const root = rootOf(null, project, null);
    if (root === null) return null;
    const file = nearestFile(project, root);
    // Taken out first, so that the oldest answer is always in front.
    answers.delete(project);
    if (answers.size >= MOST_PROJECTS) answers.delete(answers.keys().next().value ?? "");
    answers.set(project, { file, atMs: nowMs });
    return file;
  };
}

function nearestFile(project: string, root: string): ProjectFile | null {
  for (let directory = posix.resolve(project); ; directory = posix.dirname(directory)) {
    const path = posix.join(directory, FILE);
    const read = readPlainFile(path);
    if (read.kind === "ok") return parseProjectFile(read.text, path);
    if (read.kind === "refused") return refused(path, `${path}: ${read.why}`);
    if (directory === root || directory === "/") return null;
  }
}

type Read = { kind: "ok"; text: string } | { kind: "absent" } | { kind: "refused"; why: string };

function readPlainFile(path: string): Read {
  let fd: number;
  try {
    // O_NOFOLLOW: a link could name any file of ours. O_NONBLOCK: a FIFO would hold the daemon for ever.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return isThere(path) ? { kind: "refused", why: unopened(codeOf(error)) } : { kind: "absent" };
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return { kind: "refused", why: "this is not a file; put a text file in its place" };
    if (stats.size > MAX_BYTES) return { kind: "refused", why: `it is larger than 64 KiB; ${FEW}` };
    const text = textOf(fd, stats.size);
    return text === null ? { kind: "refused", why: "it is not UTF-8 text; save it as UTF-8" } : { kind: "ok", text };
  } catch (error) {
    return { kind: "refused", why: unopened(codeOf(error)) };
  } finally {
    closeSync(fd);
  }
}

/** Whether there is anything by that name; where we may not look, there is nothing for us. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function unopened(code: string | null): string {
  if (code === "ELOOP") return "it is a link, which is not followed; put the file itself in its place";
  if (code === "EACCES") return "it may not be read; make it readable for you, or remove it";
  return `it cannot be read (${code ?? "unknown"})`;
}

const disabledList = v.pipe(
  v.array(consumerName, 'must be true or a list of consumers, for instance ["lint"]'),
  v.maxLength(MOST_NAMES, `names more than ${MOST_NAMES} consumers; for all of them write disabled = true`),
);

const cooldowns = v.pipe(
  v.custom<Record<string, unknown>>(isTable, 'must be a table, for instance { tests = "5m" }'),
  v.check((table) => Object.keys(table).length <= MOST_NAMES, `names more than ${MOST_NAMES} consumers; ${FEW}`),
  v.rawTransform<Record<string, unknown>, Record<string, number>>(({ dataset, addIssue }) => {
    const cooldownMs = noCooldowns();
    for (const [key, value] of Object.entries(dataset.value)) {
      const parsed = v.safeParse(duration, value);
      const wrong = isConsumerName(key) ? parsed.issues?.[0].message : "is for a name that no consumer can have";
      if (parsed.success) cooldownMs[key] = parsed.output;
      if (wrong === undefined) continue;
      addIssue({
        message: wrong,
        input: value,
        path: [{ type: "object", origin: "value", input: dataset.value, key, value }],
      });
    }
    return cooldownMs;
  }),
);

/** A table without a prototype: a consumer may be called "constructor". */
function noCooldowns(): Record<string, number> {
  return Object.create(null);
}

const projectTable = v.object({
  disabled: v.optional(
    v.lazy((input): v.GenericSchema<unknown, string[] | true> => (input === true ? v.literal(true) : disabledList)),
    [],
  ),
  cooldown: v.optional(cooldowns, {}),
});

/** What the text of a project's file asks for. Pure; `path` is only for the words of its error. */
export function parseProjectFile(text: string, path: string): ProjectFile {
  // Bun's parser takes the square of the keys of one table, and is asked again and again for the line of an error.
  if (text.split("=").length > MOST_KEYS) return refused(path, `${path}: it has more than ${MOST_KEYS} keys; ${FEW}`);
  const toml = parseToml(text);
  if (isProblem(toml)) return refused(path, `${path}:${toml.line}: ${toml.text}`);
  const unknown = unknownKeys(toml.table, { "": Object.keys(projectTable.entries) }, []);
  const { output, findings } = check(projectTable, toml.table, unknown);
  const [first] = toLines([...unknown, ...findings], path, toml.lineOf);
  if (output === null || first !== undefined) return refused(path, first ?? path);
  return { path, silencing: { disabled: output.disabled, cooldownMs: output.cooldown }, error: null };
}

function refused(path: string, why: string): ProjectFile {
  const most = path.length + LONGEST_ERROR;
  const cut = why.length > most ? `${why.slice(0, most)}...` : why;
  return { path, silencing: NOTHING, error: oneLine(cut) };
}

/** Names come from the repository: control and invisible characters are shown, not sent. */
function oneLine(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

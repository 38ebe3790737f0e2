// Settings files on the disk: read strictly, written safely, given back. Nothing else in the house writes them.
//
// Writing: 1. the text is what it was made from, or it is refused. 2. A backup. 3. Beside the file (a link is followed, and stays),
// synced, with the file's mode and owner. 4. Looked at again, because Claude Code writes it too. 5. Renamed. 6. Read back.
import { accessSync, constants, mkdirSync, rmSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";
import { backUp, dropBackups, originalOf } from "./backups.ts";
import { targetOf } from "./link.ts";
import { type Refused, without } from "./merge.ts";
import {
  LARGEST_SETTINGS_BYTES,
  type ParsedSettings,
  parseSettings,
  parseSettingsText,
  type SettingsTree,
  tooLarge,
  type Unreadable,
} from "./settings-text.ts";
import { bytesOf, bytesUpTo, removeEmpty, writeWhole } from "./whole-file.ts";

/** `target`: the file itself, where `path` is a link. Refused: the system or its kind forbids to read it. */
export type ReadSettings =
  | { kind: "ok"; text: string; tree: SettingsTree; target: string }
  | { kind: "absent"; target: string }
  | Unreadable
  | { kind: "refused"; message: string; hint: string };

/** Reads a settings file; whatever is wrong with it is an answer, not an error. */
export function readSettings(path: string): ReadSettings {
  try {
    const target = targetOf(path);
    const stats = statSync(target, { throwIfNoEntry: false });
    if (stats === undefined) return { kind: "absent", target };
    if (!stats.isFile()) return { kind: "refused", message: `${path} is not a file`, hint: `look at ${target}` };
    // It may be anybody's: one of some GiB is not read to be refused.
    if (stats.size > LARGEST_SETTINGS_BYTES) return tooLarge(stats.size);
    const bytes = bytesUpTo(target, LARGEST_SETTINGS_BYTES + 1);
    if (bytes === null) return { kind: "absent", target };
    const parsed: ParsedSettings = parseSettings(bytes);
    return parsed.kind === "ok" ? { kind: "ok", text: parsed.tree.text, tree: parsed.tree, target } : parsed;
  } catch (error) {
    return {
      kind: "refused",
      message: `${path} cannot be read: ${messageOf(error)}`,
      hint: "make it readable for you",
    };
  }
}

/** The text of a settings file that can be worked with; null where there is none. Errors: it does not parse (78), it cannot be read (77). */
export function settingsText(path: string): string | null {
  const read = readSettings(path);
  switch (read.kind) {
    case "ok":
      return read.text;
    case "absent":
      return null;
    case "unreadable":
      throw untouched(path, { ...read, kind: "refused", where: "" });
    case "refused":
      throw new OffhookError(EXIT.permission, read.message, read.hint);
    default:
      return read satisfies never;
  }
}

/** The error for a settings file that was left alone: where, and why (78). */
export function untouched(path: string, { line, column, message }: Refused): OffhookError {
  return new OffhookError(
    EXIT.config,
    `${path}:${line}:${column}: ${message}`,
    "the file was left as it is; put it right there, then say it again",
  );
}

/** What the file was before it ever had a hook of ours, as far as it is known: for merged and without. Null: not known, or there was none. */
export function textBefore(path: string, home: string): string | null {
  const original = originalOf(home, targetOf(path));
  return original.kind === "text" ? original.text : null;
}

/** `backup`: where the text before lies; null where there was none, or nothing to do. */
export type Written = { backup: string | null };

/**
 * Writes a settings file. `seen`: the text that `newText` was made from (null: there was no file); left out: what stands there now.
 * Errors: it is not as it was seen (75), it or its directory may not be written (77), no room (1).
 */
export function writeSettings(path: string, newText: string, home: string, seen?: string | null): Written {
  const parsed = parseSettingsText(newText);
  if (parsed.kind === "unreadable")
    throw new Error(`what was to be written to ${path} does not parse: ${parsed.message}`);
  const present = settingsText(path);
  if (seen !== undefined && seen !== present) throw changed(path);
  if (present === newText) return { backup: null };
  return forPeople(path, () => {
    const target = targetOf(path);
    const stats = statSync(target, { throwIfNoEntry: false }) ?? null;
    const directories = stats === null ? makeDirectory(dirname(target)) : [];
    checkWritable(target, stats);
    const backup = backUp(home, target, present, directories);
    put(path, target, stats, newText, present);
    return { backup };
  });
}

/** What became of a file. `restored`: byte for byte what it was before us. `backup`: what it was before us, where that differs. */
export type Removal = {
  outcome: "absent" | "none" | "removed" | "restored" | "deleted";
  /** The events whose hooks were taken out. */
  events: string[];
  backup: string | null;
};

/**
 * Takes our hooks out of a settings file, and leaves everything else. A file that was made by us and holds nothing else goes, and
 * the directory that was made for it. The backups go when nothing differs from them but what is ours. Errors: as for settingsText and writeSettings.
 */
export function restoreOrRemove(path: string, home: string): Removal {
  for (let triesLeft = 3; ; triesLeft--) {
    try {
      return removeOnce(path, home);
    } catch (error) {
      if (!(error instanceof OffhookError && error.exitCode === EXIT.busy) || triesLeft === 0) throw error;
    }
  }
}

function removeOnce(path: string, home: string): Removal {
  const text = settingsText(path);
  const target = targetOf(path);
  const original = originalOf(home, target);
  if (text === null) return { outcome: "absent", events: [], backup: original.path };
  const left = without(text, original.kind === "text" ? original.text : null);
  if (left.kind === "refused") throw untouched(path, left);
  const events = left.removed;
  if (original.kind === "absent" && left.text.trim() === "{}" && events.length > 0) {
    forPeople(path, () => {
      checkWritable(target, statSync(target));
      if (!isStill(target, text)) throw changed(path);
      rmSync(target);
      for (const directory of original.directories) removeEmpty(directory);
    });
    dropBackups(home, target);
    return { outcome: "deleted", events, backup: null };
  }
  if (events.length > 0) writeSettings(path, left.text, home, text);
  // An older version of us may have been in it already: then what it was without us is what counts.
  const isRestored = original.kind === "text" && left.text === (originalWithout(original.text) ?? original.text);
  // What was kept of a file that was not there, or was with ours already, holds nothing but ours that this one has not.
  const isKept = original.kind === "text" && !isRestored;
  if (!isKept) dropBackups(home, target);
  const outcome = events.length === 0 ? "none" : isRestored ? "restored" : "removed";
  return { outcome, events, backup: isKept ? original.path : null };
}

function originalWithout(text: string): string | null {
  const left = without(text);
  return left.kind === "ok" ? left.text : null;
}

function put(path: string, target: string, stats: Stats | null, newText: string, present: string | null): void {
  const traits = {
    mode: stats === null ? 0o644 & ~process.umask() : stats.mode & 0o7777,
    owner: stats === null ? null : { uid: stats.uid, gid: stats.gid },
  };
  if (!writeWhole(target, newText, traits, () => isStill(target, present))) throw changed(path);
  if (!isStill(target, newText)) {
    throw new OffhookError(
      EXIT.busy,
      `${path} was written by somebody else directly after us`,
      "see what stands there, then say it again: offhook doctor",
    );
  }
}

function isStill(target: string, text: string | null): boolean {
  const bytes = bytesOf(target);
  return bytes === null || text === null ? bytes === text : Buffer.from(text).equals(bytes);
}

/** A file or a directory that says "not to be written" is obeyed, by root too: somebody meant it, or a program keeps it. */
function checkWritable(target: string, stats: Stats | null): void {
  if (stats !== null) {
    if ((stats.mode & 0o222) === 0) throw readOnly(target, "it is read-only", `chmod u+w ${target}`);
    const us = process.geteuid?.() ?? stats.uid;
    if (us !== 0 && stats.uid !== us)
      throw readOnly(target, `it belongs to another user (uid ${stats.uid})`, "ask its owner");
    accessSync(target, constants.W_OK);
  }
  const directory = dirname(target);
  if ((statSync(directory).mode & 0o222) === 0)
    throw readOnly(target, `its directory ${directory} is read-only`, `chmod u+w ${directory}`);
  accessSync(directory, constants.W_OK);
}

function readOnly(target: string, why: string, hint: string): OffhookError {
  return new OffhookError(EXIT.permission, `${target} cannot be written: ${why}`, `${hint}; nothing was changed`);
}

function changed(path: string): OffhookError {
  return new OffhookError(
    EXIT.busy,
    `${path} was changed by somebody else meanwhile`,
    "nothing was written; say it again",
  );
}

/** Makes a directory and what is missing above it; gives those that it made, the deepest first. */
function makeDirectory(directory: string): string[] {
  const first = mkdirSync(directory, { recursive: true, mode: 0o755 });
  if (first === undefined) return [];
  const made: string[] = [];
  for (let at = directory; at.length >= first.length; at = dirname(at)) made.push(at);
  return made;
}

function forPeople<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof OffhookError || code === null) throw error;
    const isFull = ["ENOSPC", "EDQUOT"].includes(code);
    throw new OffhookError(
      isFull ? EXIT.failed : EXIT.permission,
      `${path} cannot be written: ${messageOf(error)}`,
      isFull
        ? "make room on its disk; nothing was changed"
        : "make it and its directory writable for you; nothing was changed",
    );
  }
}

// Single settings of settings files, as they count when several files say something. Only looks.
import { readSettings } from "./settings-file.ts";
import { plainValue, valueAt } from "./settings-text.ts";

/** One setting of a file; undefined where it does not stand there, or the file cannot be read. */
export function settingOf(file: string, key: string): unknown {
  const read = readSettings(file);
  if (read.kind !== "ok") return undefined;
  const node = valueAt(read.tree.root, key);
  return node === null ? undefined : plainValue(read.tree.body, node);
}

/** The file that has the last word on a setting, when that word is a yes; null otherwise. `files`: the later wins. */
export function lastYes(key: string, files: readonly string[], isYes: (value: unknown) => boolean): string | null {
  const last = files.findLast((file) => settingOf(file, key) !== undefined);
  return last !== undefined && isYes(settingOf(last, key)) ? last : null;
}

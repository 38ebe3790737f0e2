// HOME/hooks.json: which settings files have hooks of ours, so that they can be taken out of every one of them.
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { EXIT, OffhookError } from "../errors.ts";
import { lockExclusive } from "../system/libc.ts";
import { bytesOf, writeWhole } from "./whole-file.ts";

/** One settings file with hooks of ours: its absolute path as it was given, and since when (ISO time). */
const noted = v.strictObject({
  path: v.pipe(v.string(), v.startsWith("/")),
  scope: v.picklist(["user", "project", "local"]),
  form: v.picklist(["exec", "shell", "portable"]),
  since: v.pipe(v.string(), v.isoTimestamp()),
});
const record = v.strictObject({ v: v.literal(1), settings: v.array(noted) });

export type KnownSettings = v.InferOutput<typeof noted>;

/** The settings files that were noted, in the order of their paths; none where there is no record. Error: it is damaged (78). */
export function knownSettings(home: string): KnownSettings[] {
  const path = pathOf(home);
  const bytes = bytesOf(path);
  if (bytes === null) return [];
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), record), new TextDecoder().decode(bytes));
  if (read.success) return read.output.settings;
  throw new OffhookError(
    EXIT.config,
    `${path} is damaged: ${read.issues[0].message}`,
    "remove it; offhook setup --sync notes your own settings again, those of projects need setup there",
  );
}

/** Notes a settings file; one that is noted already keeps its `since`. */
export function noteSettings(home: string, settings: Omit<KnownSettings, "since">, nowMs: number): void {
  alone(home, () => {
    const known = knownSettings(home);
    const since = known.find(({ path }) => path === settings.path)?.since ?? new Date(nowMs).toISOString();
    write(home, [...known.filter(({ path }) => path !== settings.path), { ...settings, since }]);
  });
}

/** Forgets a settings file; nothing happens where it is not noted. */
export function forgetSettings(home: string, path: string): void {
  alone(home, () => {
    const known = knownSettings(home);
    const left = known.filter((one) => one.path !== path);
    if (left.length < known.length) write(home, left);
  });
}

const PATIENCE_MS = 10_000;
const TRY_EVERY_MS = 5;

/**
 * Reads and writes the record while no other process does: what one of two forgets would outlive an uninstall. The lock is on the
 * home's directory, so that it leaves nothing. Error: somebody holds it for 10 s (75).
 */
function alone(home: string, change: () => void): void {
  const fd = openSync(home, "r");
  try {
    const beganMs = performance.now();
    while (!lockExclusive(fd)) {
      if (performance.now() - beganMs > PATIENCE_MS)
        throw new OffhookError(EXIT.busy, `another offhook writes ${pathOf(home)}`, "say it again");
      Bun.sleepSync(TRY_EVERY_MS);
    }
    change();
  } finally {
    closeSync(fd);
  }
}

function write(home: string, settings: KnownSettings[]): void {
  const sorted = settings.sort((a, b) => (a.path < b.path ? -1 : 1));
  writeWhole(pathOf(home), `${JSON.stringify({ v: 1, settings: sorted }, null, 2)}\n`, { mode: 0o600, owner: null });
}

function pathOf(home: string): string {
  return join(home, "hooks.json");
}

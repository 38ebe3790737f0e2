// Crash points: places in src/ that are marked with a comment, "// crash point: before-rename". The shipped binary has the comments
// and nothing else; only a test build has code there, which ends the process at the n-th pass of the point that the environment names.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Replacement } from "./variant.ts";

const ROOT = resolve(import.meta.dir, "..", "..");

/** The variables that a test build asks: which point, and at which of its passes (from 1). */
export const CRASH_POINT = "OFFHOOK_CRASH_POINT";
const CRASH_PASS = "OFFHOOK_CRASH_PASS";

/** Passed by a publisher, each once. */
export const PUBLISHER_POINTS = [
  "before-write",
  "after-write",
  "before-fsync",
  "after-fsync",
  "before-rename",
  "after-rename",
] as const;

/** Passed by the daemon, again and again. */
export const DAEMON_POINTS = [
  "before-commit",
  "after-commit",
  "before-unlink",
  "after-unlink",
  "before-decide",
  "after-decide",
  "before-spawn",
  "after-spawn",
  "before-settle",
  "after-settle",
] as const;

/** What to say to a test build so that it ends there. */
export function crashAt(point: string, pass: number): Record<string, string> {
  return { [CRASH_POINT]: point, [CRASH_PASS]: String(pass) };
}

/** Every mark of src/: the point's name and its file, seen from the top of the repository. */
export function marksInSource(): { point: string; file: string }[] {
  const paths = [...new Bun.Glob("src/**/*.ts").scanSync({ cwd: ROOT })].sort();
  return paths.flatMap((file) => {
    const text = readFileSync(join(ROOT, file), "utf8");
    return [...text.matchAll(/\/\/ crash point: ([a-z-]+)$/gm)].map(([, point = ""]) => ({ point, file }));
  });
}

/** The code for every mark. SIGKILL to itself: nothing runs after it, no handler and no `finally`. */
export function crashCode(): Replacement[] {
  return marksInSource().map(({ point, file }) => ({
    file,
    from: `// crash point: ${point}\n`,
    to:
      `if (process.env.${CRASH_POINT} === "${point}" && ` +
      `(globalThis.passes = (globalThis.passes ?? 0) + 1) === Number(process.env.${CRASH_PASS})) ` +
      `process.kill(process.pid, "SIGKILL");\n`,
  }));
}

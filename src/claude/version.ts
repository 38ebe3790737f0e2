// Which Claude Code is installed: the program is asked, with a deadline and without the secrets of this environment.

export type ClaudeVersion = { major: number; minor: number; patch: number; text: string };

const DEADLINE_MS = 5_000;
const PASSED_ON = ["PATH", "HOME", "LANG"];

/** The version that `claude --version` says ("2.1.329 (Claude Code)"); null when there is none or it says something else. */
export function claudeVersion(pathOf: (name: string) => string | null, deadlineMs = DEADLINE_MS): ClaudeVersion | null {
  const path = pathOf("claude");
  if (path === null) return null;
  const env = Object.fromEntries(PASSED_ON.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
  try {
    // In the root directory: nothing of the project that we stand in has a say.
    const ran = Bun.spawnSync([path, "--version"], {
      env,
      cwd: "/",
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: deadlineMs,
      killSignal: "SIGKILL",
      maxBuffer: 64 * 1024,
    });
    return ran.exitCode === 0 ? parseVersion(ran.stdout.toString()) : null;
  } catch {
    return null; // It cannot be started: as good as not there.
  }
}

/** The first version in a text, as major.minor.patch; null when there is none. */
export function parseVersion(text: string): ClaudeVersion | null {
  const [found, major, minor, patch] = /(?<![\w.])(\d{1,6})\.(\d{1,6})\.(\d{1,6})/.exec(text) ?? [];
  if (found === undefined) return null;
  return { major: Number(major), minor: Number(minor), patch: Number(patch), text: found };
}

/** Whether a version is `wanted` ("2.1.139") or later. */
export function isAtLeast(version: ClaudeVersion, wanted: string): boolean {
  const [major = 0, minor = 0, patch = 0] = wanted.split(".").map(Number);
  const order = version.major - major || version.minor - minor || version.patch - patch;
  return order >= 0;
}

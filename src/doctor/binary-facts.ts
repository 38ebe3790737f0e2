// The programs that hooks name: there, executable, in nobody's repository, and what they say their version is. One that lies in a
// repository is not run: whoever wrote it there did not ask us.
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { messageOf } from "../errors.ts";
import { repositoryOf } from "../system/own-binary.ts";

export type BinaryFacts = {
  path: string;
  kind: "absent" | "no-file" | "not-executable" | "program";
  /** The repository that it lies in. */
  repository: string | null;
  /** Whether it is the very file that runs now. */
  isThis: boolean;
  /** What `--version` says; null: it was not asked, or said nothing. */
  version: string | null;
  /** Why it does not run; null: it does, or it was not asked. */
  trouble: string | null;
};

const RUN_LIMIT_MS = 3_000;
const MOST_SHOWN = 80;

/** Looks at a program, by its absolute path. `self`: the file that runs now. */
export async function lookAtBinary(path: string, self: string, userHome: string): Promise<BinaryFacts> {
  const facts: BinaryFacts = { path, kind: "program", repository: null, isThis: false, version: null, trouble: null };
  try {
    return await lookAt(facts, self, userHome);
  } catch (error) {
    // A directory on the way that we may not enter, a link in a circle: Claude Code gets no further.
    return { ...facts, trouble: messageOf(error) };
  }
}

async function lookAt(facts: BinaryFacts, self: string, userHome: string): Promise<BinaryFacts> {
  const { path } = facts;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return { ...facts, kind: "absent" };
  if (!stats.isFile()) return { ...facts, kind: "no-file" };
  const real = realpathSync(path);
  facts.isThis = real === realpathSync(self);
  facts.repository = repositoryOf(real, userHome);
  if (!isExecutable(path)) return { ...facts, kind: "not-executable" };
  if (facts.repository !== null && !facts.isThis) return facts;
  return { ...facts, ...(await asked(path)) };
}

async function asked(path: string): Promise<Pick<BinaryFacts, "version" | "trouble">> {
  try {
    const child = Bun.spawn([path, "--version"], {
      cwd: "/",
      env: { PATH: "/usr/bin:/bin" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: RUN_LIMIT_MS,
      killSignal: "SIGKILL",
    });
    // What it started may hold its stdout open: its own end is what counts.
    const said = child.stdout.text().catch(() => "");
    await child.exited;
    if (child.signalCode === "SIGKILL")
      return { version: null, trouble: `it did not end within ${RUN_LIMIT_MS / 1000} s` };
    if (child.exitCode !== 0)
      return { version: null, trouble: `--version ended with ${child.signalCode ?? child.exitCode}` };
    const text = await Promise.race([said, Bun.sleep(RUN_LIMIT_MS).then(() => "")]);
    return { version: (text.split("\n")[0] ?? "").trim().slice(0, MOST_SHOWN), trouble: null };
  } catch (error) {
    return { version: null, trouble: `it cannot be started: ${messageOf(error)}` };
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

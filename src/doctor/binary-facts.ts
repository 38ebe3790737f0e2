// The programs that hooks name: there, executable, in nobody's repository, and what they say their version is. One that lies in a
// repository, or that only a project's own settings name, is not run: whoever wrote it there did not ask us.
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { isWithin } from "../claude/which-outside.ts";
import { messageOf } from "../errors.ts";
import { repositoryOf } from "../system/own-binary.ts";

export type BinaryFacts = {
  path: string;
  kind: "absent" | "no-file" | "not-executable" | "program";
  /** The repository that it lies in. */
  repository: string | null;
  /** Whether it is the very file that runs now. */
  isThis: boolean;
  /** Whether it was started, to ask for its version. */
  isAsked: boolean;
  /** What `--version` says; null: it was not asked, or said nothing. */
  version: string | null;
  /** Why it does not run; null: it does, or it was not asked. */
  trouble: string | null;
};

const RUN_LIMIT_MS = 3_000;
const MOST_SHOWN = 80;

/** `self`: the file that runs now; `project`: where we stand; `isTrusted`: the user, or setup, has named this program. */
export type BinaryLook = { self: string; userHome: string; project: string | null; isTrusted: boolean };

/** Looks at a program, by its absolute path. */
export async function lookAtBinary(path: string, look: BinaryLook): Promise<BinaryFacts> {
  const facts: BinaryFacts = {
    path,
    kind: "program",
    repository: null,
    isThis: false,
    isAsked: false,
    version: null,
    trouble: null,
  };
  try {
    return await lookAt(facts, look);
  } catch (error) {
    // A directory on the way that we may not enter, a link in a circle: Claude Code gets no further.
    return { ...facts, trouble: messageOf(error) };
  }
}

async function lookAt(facts: BinaryFacts, { self, userHome, project, isTrusted }: BinaryLook): Promise<BinaryFacts> {
  const { path } = facts;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return { ...facts, kind: "absent" };
  if (!stats.isFile()) return { ...facts, kind: "no-file" };
  const real = realpathSync(path);
  facts.isThis = real === realpathSync(self);
  // A project without .git is none to repositoryOf.
  facts.repository = repositoryOf(real, userHome) ?? (isWithin(real, project) ? project : null);
  if (!isExecutable(path)) return { ...facts, kind: "not-executable" };
  if ((facts.repository !== null || !isTrusted) && !facts.isThis) return facts;
  return { ...facts, isAsked: true, ...(await asked(path)) };
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

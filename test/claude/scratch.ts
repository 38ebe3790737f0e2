// The scratch directory of one run: a HOME, a project with git and two files, an offhook home, places to record in.
// Nothing of the user's is in it, and nothing outside it is written.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./children.ts";

export type Scratch = {
  root: string;
  home: string;
  project: string;
  offhookHome: string;
  /** Where the recorder writes, and where the worker of the consumer does. */
  recordings: string;
  worked: string;
  tmp: string;
};

const NOTEBOOK = {
  cells: [{ cell_type: "code", id: "c1", source: "x = 1", metadata: {}, outputs: [], execution_count: null }],
  metadata: { language_info: { name: "python" } },
  nbformat: 4,
  nbformat_minor: 5,
};

/** Makes the directory `name` below `parent`. The project holds calc.py and notes.ipynb. */
export async function makeScratch(parent: string, name: string): Promise<Scratch> {
  const root = join(parent, name);
  const at = (directory: string) => join(root, directory);
  const scratch: Scratch = {
    root,
    home: at("home"),
    project: at("the project"),
    offhookHome: at("offhook"),
    recordings: at("recordings"),
    worked: at("worked"),
    tmp: at("tmp"),
  };
  mkdirSync(root);
  for (const directory of Object.values(scratch)) mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(scratch.project, "calc.py"), "def add(a, b):\n    return a + b\n");
  writeFileSync(join(scratch.project, "notes.ipynb"), JSON.stringify(NOTEBOOK));
  const git = await run(["git", "init", "--quiet"], {
    cwd: scratch.project,
    env: plainEnv(scratch),
    timeoutMs: 10_000,
  });
  if (git.exitCode !== 0) throw new Error(`git init failed: ${git.stderr}`);
  return scratch;
}

/** The environment of everything started in `scratch`: these names and no others. */
export function plainEnv(scratch: Scratch): Record<string, string> {
  return {
    HOME: scratch.home,
    PATH: "/usr/bin:/bin",
    TERM: "xterm",
    TMPDIR: scratch.tmp,
    CLAUDE_CODE_TMPDIR: scratch.tmp,
    OFFHOOK_HOME: scratch.offhookHome,
  };
}

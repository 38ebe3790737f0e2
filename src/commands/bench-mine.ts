// `offhook bench --mine`: which hooks of the user's would be run, said whole and asked before anything is started. What lies in the
// project may have come with it, so it is never run on the word of --yes alone.
import { CLAUDE, QUICK_CLAUDE } from "../bench/claude-gap.ts";
import { HOOK, QUICK_HOOK } from "../bench/hook.ts";
import { configDirOf } from "../claude/places.ts";
import { type UserHook, userHooks } from "../claude/user-hooks.ts";
import { printNote } from "../cli/print.ts";
import { EXIT, OffhookError } from "../errors.ts";
import type { Means } from "../measure/means.ts";
import { scratchPlace } from "../measure/scratch.ts";
import { type Mine, prepareMine } from "../rehearsal/mine.ts";
import { type Asking, leftAloneLines, projectLines, splitByTrust, yoursLines } from "../rehearsal/mine-consent.ts";
import { projectHere } from "../setup/project-here.ts";
import { askYes, CANCELLED, Cancelled } from "../setup/wizard.ts";
import { isTerminal } from "../system/libc.ts";
import type { Measuring, MineWish } from "./bench-request.ts";

/** The user's hooks in a copy of their project, made when there is a scratch directory for it. */
export type Prepare = (means: Means) => Promise<Mine>;

/** `left`: the person said no, and nothing is measured. */
type Answer = { kind: "agreed"; prepare: Prepare } | { kind: "left"; exitCode: number };

/**
 * Says what would be run and asks. Errors: no project here, or no hooks that a Write waits for (66); nobody to ask and no --yes (64).
 */
export async function askForMine(wish: MineWish, request: Measuring): Promise<Answer> {
  const project = projectHere(wish.project);
  if (project === null)
    throw new OffhookError(EXIT.notFound, "--mine: there is no project here", "offhook bench --mine --project DIR");
  const found = userHooks({ configDir: configDirOf(process.env), project });
  note(found.notes.map((text) => `note: ${text}`));
  note(found.left.map(({ event, what, why }) => `not measured: ${event} ${what} (${why})`));

  const split = splitByTrust(found.hooks);
  const asking = askingOf(project, request);
  const yours = yoursLines(split, asking);
  const ofProject = wish.withProjectHooks ? projectLines(split, asking) : [];
  if (found.hooks.length === 0)
    throw new OffhookError(
      EXIT.notFound,
      `--mine: your settings have no hook that a Write waits for${found.own > 0 ? ", but offhook's own" : ""}`,
      "offhook bench --against 'COMMAND'",
    );
  const isAsked = isTerminal(0) && isTerminal(2) && !request.asJson;
  try {
    const agreed: UserHook[] = [];
    if (!wish.withProjectHooks) note(leftAloneLines(split, project, "--project-hooks"));
    if (await mayRun(yours, wish.isSure, isAsked, true)) agreed.push(...split.yours);
    // Enter is no: whoever made the project chose these.
    if (await mayRun(ofProject, wish.isSure, isAsked, false)) agreed.push(...split.ofProject);
    if (agreed.length === 0) {
      if (!isAsked && !wish.isSure)
        throw new OffhookError(
          EXIT.usage,
          "--mine: nobody is here to be asked, and there is no --yes",
          "offhook bench --mine --yes",
        );
      printNote("Nothing was run.");
      return { kind: "left", exitCode: EXIT.ok };
    }
    const prepare: Prepare = (means) => prepareMine({ project, hooks: agreed, env: process.env }, means);
    return { kind: "agreed", prepare };
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    printNote("Nothing was run.");
    return { kind: "left", exitCode: CANCELLED };
  }
}

function askingOf(project: string, { isQuick, parts }: Measuring): Asking {
  const [hook, claude] = isQuick ? [QUICK_HOOK, QUICK_CLAUDE] : [HOOK, CLAUDE];
  return {
    project,
    scratch: scratchPlace(),
    runs: parts.includes("hook") ? hook.rounds + hook.warmUpRounds : 0,
    sessions: parts.includes("claude") ? { count: claude.rounds, writes: claude.writes + 1 } : null,
  };
}

/** Says the lines, and whether there was a yes to them. `enter` is the answer to Enter. */
async function mayRun(lines: readonly string[], isSure: boolean, isAsked: boolean, enter: boolean): Promise<boolean> {
  if (lines.length === 0) return false;
  note(lines);
  if (isSure) return true;
  return isAsked && (await askYes("Run them?", "Yes", "No", enter));
}

/** Lines on stderr, broken between words where it is a terminal. */
function note(lines: readonly string[]): void {
  const columns = process.stderr.columns ?? Number.POSITIVE_INFINITY;
  for (const line of lines) {
    const indent = /^ */.exec(line)?.[0] ?? "";
    const broken = Number.isFinite(columns)
      ? Bun.wrapAnsi(line.slice(indent.length), columns - indent.length - 1)
      : line;
    for (const part of broken.split("\n")) printNote(`${indent}${part.trimStart()}`);
  }
}

// Which project a path belongs to, and what a path is without links. The disk is asked, and the answers are kept for a while:
// a backlog of events asks for the same few directories again and again. Both lists of answers are bounded.
import { realpathSync, statSync } from "node:fs";
import { posix } from "node:path";

/** A clock in ms, and how long an answer of the disk is believed. */
export type LookUp = { now(): number; ttlMs?: number };

const TTL_MS = 5_000;
const MOST_ANSWERS = 5_000;
// PATH_MAX of Linux: a longer path cannot exist, and walking it up would take its length squared.
const LONGEST_PATH = 4_096;

/**
 * Makes the finder of projects: the nearest directory upward from the file (without one: from cwd) that has `.git`, file or
 * directory; else CLAUDE_PROJECT_DIR; else cwd. Paths that do not exist are fine; ones that are not absolute count as none.
 */
export function projectFinder({ now, ttlMs = TTL_MS }: LookUp) {
  const roots = makeAnswers<string | null>(now, ttlMs);
  return (file: string | null, cwd: string | null, claudeProjectDir: string | null): string | null => {
    const filePath = absolute(file);
    const cwdPath = absolute(cwd);
    const start = filePath === null ? cwdPath : posix.dirname(filePath);
    return (start === null ? null : nearestRoot(start, roots)) ?? absolute(claudeProjectDir) ?? cwdPath;
  };
}

/** Makes the asker for paths without links; a path that leads nowhere is its own answer. */
export function realPathFinder({ now, ttlMs = TTL_MS }: LookUp): (path: string) => string {
  const reals = makeAnswers<string>(now, ttlMs);
  return (path) => {
    const known = reals.get(path);
    if (known !== undefined) return known;
    const real = orWhenGone(() => realpathSync.native(path), path);
    reals.set(path, real);
    return real;
  };
}

/** Walks up from a directory; every directory on the way gets the answer. */
function nearestRoot(start: string, roots: Answers<string | null>): string | null {
  const walked: string[] = [];
  let root: string | null = null;
  for (let directory = start; ; directory = posix.dirname(directory)) {
    const known = roots.get(directory);
    if (known !== undefined) root = known;
    else walked.push(directory);
    if (known === undefined && hasGit(directory)) root = directory;
    if (known !== undefined || root !== null || directory === "/") break;
  }
  for (const directory of walked) roots.set(directory, root);
  return root;
}

function hasGit(directory: string): boolean {
  return orWhenGone(() => statSync(posix.join(directory, ".git"), { throwIfNoEntry: false }) !== undefined, false);
}

/** What the disk says, or `otherwise` where the path leads nowhere that we may look: not there, no directory, a link to itself. */
function orWhenGone<T>(ask: () => T, otherwise: T): T {
  try {
    return ask();
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code === "string") return otherwise;
    throw error;
  }
}

/** The path in its plain form; null when it is none that could be on the disk. */
function absolute(path: string | null): string | null {
  if (path === null || !path.startsWith("/") || path.length > LONGEST_PATH || path.includes("\0")) return null;
  const plain = posix.normalize(path);
  return plain.length > 1 && plain.endsWith("/") ? plain.slice(0, -1) : plain;
}

type Answers<T> = { get(question: string): T | undefined; set(question: string, answer: T): void };

function makeAnswers<T>(now: () => number, ttlMs: number): Answers<T> {
  const answers = new Map<string, { answer: T; untilMs: number }>();
  return {
    get(question) {
      const kept = answers.get(question);
      return kept === undefined || kept.untilMs <= now() ? undefined : kept.answer;
    },
    set(question, answer) {
      // Taken out first, so that the oldest answer is always in front.
      answers.delete(question);
      if (answers.size >= MOST_ANSWERS) answers.delete(answers.keys().next().value ?? "");
      answers.set(question, { answer, untilMs: now() + ttlMs });
    },
  };
}

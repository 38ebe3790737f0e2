// Which sessions Claude Code has worked in lately, by the transcripts it writes. Their names and times only: not what is in them.
import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";

/** `path` is absolute, `changedMs` in ms since 1970. */
export type Transcript = { session: string; path: string; changedMs: number };

/**
 * The transcripts that changed at `sinceMs` (ms since 1970) or later, the newest first: CONFIG/projects/PROJECT/SESSION.jsonl.
 * Those of subagents are not sessions. What cannot be read is not there.
 */
export function recentTranscripts(configDir: string, sinceMs: number): Transcript[] {
  const projects = join(configDir, "projects");
  const paths = namesIn(projects).flatMap((project) =>
    namesIn(join(projects, project))
      .filter((name) => name.endsWith(".jsonl") && !name.startsWith("agent-"))
      .map((name) => join(projects, project, name)),
  );
  const found = paths.flatMap((path) => {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isFile() !== true || stats.mtimeMs < sinceMs) return [];
    return [{ session: basename(path, ".jsonl"), path, changedMs: stats.mtimeMs }];
  });
  return found.sort((a, b) => b.changedMs - a.changedMs);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

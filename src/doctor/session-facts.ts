// Which sessions of Claude Code wrote their transcript lately, and when the last event of each came. Names and times only.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { recentTranscripts } from "../claude/transcripts.ts";
import { pathsOf } from "../config/paths.ts";
import { codeOf } from "../errors.ts";
import { openInspection } from "../ledger/inspect.ts";
import { timeOfId } from "../spool/collect.ts";
import { isEventName } from "../spool/spool-file.ts";

/** Times in ms since 1970; `beganMs`: when its transcript was made, null where the file system does not say. */
export type SessionFacts = { session: string; changedMs: number; beganMs: number | null; lastEventMs: number | null };

export type Activity = {
  sessions: SessionFacts[];
  /** When the newest event that still waits in the spool was published; its session is not known. Null: none waits. */
  newestWaitingMs: number | null;
};

/** A transcript that changed within this is one of a session that works. */
export const LATELY_MS = 15 * 60_000;
const MOST_SESSIONS = 20;

/** Looks at the sessions that worked lately. Errors: those of the ledger, the spool cannot be listed. */
export function lookAtSessions(configDir: string, home: string, now: number): Activity {
  const transcripts = recentTranscripts(configDir, now - LATELY_MS).slice(0, MOST_SESSIONS);
  // The spool before the ledger: what leaves it in between is found there.
  const newestWaitingMs = newestWaiting(join(home, "spool", "new"));
  const inspection = transcripts.length === 0 ? null : openInspection(pathsOf(home).ledger);
  const all = {
    afterSeq: 0,
    throughSeq: null,
    sinceMs: null,
    wants: ({ type }: { type: string }) => type.startsWith("claude-code."),
  };
  const sessions = transcripts.map(({ session, path, changedMs }): SessionFacts => {
    const birthMs = statSync(path, { throwIfNoEntry: false })?.birthtimeMs ?? 0;
    const [last] = inspection?.lastEvents({ ...all, session }, 1) ?? [];
    return { session, changedMs, beganMs: birthMs > 0 ? birthMs : null, lastEventMs: last?.timeMs ?? null };
  });
  inspection?.close();
  return { sessions, newestWaitingMs };
}

function newestWaiting(directory: string): number | null {
  try {
    let newest: string | null = null;
    for (const name of readdirSync(directory))
      if (isEventName(name) && (newest === null || name > newest)) newest = name;
    return newest === null ? null : timeOfId(newest);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

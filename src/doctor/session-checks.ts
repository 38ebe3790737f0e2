// Findings about sessions: Claude Code works, and no event comes. Absence of events is no proof: some sessions have no hooks, and some
// work long without one of the events that are hooked. So these are warnings, with the reasons. Pure.
import type { WantedHook } from "../claude/wanted.ts";
import { counted, doubtful, type Finding, span, well } from "./finding.ts";
import type { Activity, SessionFacts } from "./session-facts.ts";

type Hook = Pick<WantedHook, "event" | "matcher">;

const MINUTE_MS = 60_000;
const TOOL_USE = ["PreToolUse", "PostToolUse", "PostToolBatch"];
const TURNS = ["UserPromptSubmit", "Stop", "MessageDisplay"];

/** How long a session may work without any of the hooked events, in ms: who hooks every tool call hears of it soon. */
export function patienceFor(hooks: readonly Hook[]): number {
  if (hooks.some(({ event, matcher }) => TOOL_USE.includes(event) && matcher === null)) return 10 * MINUTE_MS;
  return hooks.some(({ event }) => TURNS.includes(event)) ? 30 * MINUTE_MS : 60 * MINUTE_MS;
}

/** Judges the sessions that worked lately; `hooks`: what of ours is registered, `sinceMs`: since when, null where that is not known. */
export function sessionFindings(
  { sessions, newestWaitingMs }: Activity,
  hooks: readonly Hook[],
  sinceMs: number | null,
  now: number,
): Finding[] {
  if (hooks.length === 0) return [];
  if (sessions.length === 0) return [well("sessions", "sessions", "no session of Claude Code is at work now")];
  const patienceMs = patienceFor(hooks);
  const silent = sessions.filter((one) => silenceOf(one, newestWaitingMs, sinceMs) > patienceMs);
  if (silent.length === 0)
    return [
      well("sessions", "sessions", `events come from Claude Code (${counted(sessions.length, "session")} at work)`),
    ];
  return silent.map((one) => {
    const gone =
      one.lastEventMs === null
        ? "no event of it has ever come"
        : `no event has come for ${span(Math.max(now, one.changedMs) - one.lastEventMs)}`;
    return doubtful(
      "sessions",
      "silence",
      `Claude Code is working (session ${one.session}, ${span(Math.max(0, now - one.changedMs))} ago), and ${gone}`,
      {
        mend: "there, /hooks shows which hooks it has. None: is its folder trusted, was it started with --bare, --safe-mode or --setting-sources? Else start the session again: one that began before the hooks may not have them",
      },
    );
  });
}

/** For how long a session wrote its transcript and sent nothing, in ms. */
function silenceOf(
  { changedMs, beganMs, lastEventMs }: SessionFacts,
  newestWaitingMs: number | null,
  sinceMs: number | null,
): number {
  // Where not even its beginning is known, nothing can be said of it.
  const heardMs = Math.max(lastEventMs ?? beganMs ?? sinceMs ?? changedMs, newestWaitingMs ?? 0, sinceMs ?? 0);
  return changedMs - heardMs;
}

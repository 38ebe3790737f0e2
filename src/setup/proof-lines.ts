// What a proof saw, in words. Pure but for the colours.
import { duration, oneLine, paint } from "../cli/print.ts";
import type { Proven } from "./proof.ts";

/** What the proof saw, in words. */
export function provenLines(proven: Proven | string): string[] {
  if (typeof proven === "string") return [proven];
  const { event, hookMs, streamMs, consumer, deliveredMs, outcome, quietMs, daemon, trouble } = proven;
  const hook = `Hook: a ${event} was stored in ${milliseconds(hookMs)}, which is all that the agent waits for`;
  const wait = quietMs > 0 ? `; it waits ${duration(quietMs)} for quiet` : "";
  const ended =
    deliveredMs !== null
      ? [`Consumer: ${consumer} was done ${milliseconds(deliveredMs)} after the hook began (${outcome}${wait})`]
      : outcome === "running"
        ? [`Consumer: ${consumer} is at it, and takes its time. How it ends: offhook deliveries`]
        : streamMs !== null
          ? [`Stream: the daemon had it ${milliseconds(streamMs)} after the hook began; no consumer takes it`]
          : [];
  const note =
    daemon === "for this only"
      ? ["The daemon was started for this only."]
      : daemon === "none"
        ? ["The event waits for the daemon."]
        : [];
  const seen = proven.reached === "nothing" ? [] : [hook, ...ended, ...note];
  return trouble === null ? seen : [...seen, `${paint("red", "!")} ${oneLine(trouble)}`];
}

/** What went wrong with it, a sentence; null: nothing. */
export function troubleOf(proven: Proven | string): string | null {
  return typeof proven === "string" ? null : proven.trouble;
}

function milliseconds(ms: number): string {
  return ms < 100 ? `${ms.toFixed(1)} ms` : duration(ms);
}

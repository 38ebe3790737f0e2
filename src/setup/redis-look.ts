// What a look at the Redis of [cluster] gave, and what it means for people. Pure; examine-redis.ts does the looking.
import { oneLine } from "../cli/print.ts";
import type { ServerFinding } from "../redis/server-check.ts";

/**
 * `skewMs`: how far its clock is ahead of ours; null: not known. `isRefused`: it answered and said no, or is not who it should be
 * (password, TLS), so waiting helps nothing.
 */
export type ExaminedRedis =
  | { kind: "reached"; at: string; server: string; findings: ServerFinding[]; skewMs: number | null }
  | { kind: "unreached"; why: string; isRefused: boolean };

/** From here on it is said. Events are dedup'ed by their own times, which are the nodes'. */
const MUCH_SKEW_MS = 2_000;

/** A finding about clocks that differ by more than that; null: they agree, or it is not known. Pure. */
export function skewFinding(skewMs: number | null): ServerFinding | null {
  if (skewMs === null || Math.abs(skewMs) <= MUCH_SKEW_MS) return null;
  const seconds = (Math.abs(skewMs) / 1_000).toFixed(1);
  return {
    level: "advice",
    text: `Redis's clock is ${seconds} s ${skewMs > 0 ? "ahead of" : "behind"} this machine's: dedup and max_age go by the times of the nodes`,
    hint: "let both set their clocks by NTP (timedatectl set-ntp true)",
  };
}

/** What was seen, a line each, the worst first. */
export function examinedLines(examined: ExaminedRedis): string[] {
  if (examined.kind === "unreached") return [`Redis was not reached: ${oneLine(examined.why)}`];
  const { server, at, findings, skewMs } = examined;
  return [
    `${server} at ${at} answers`,
    ...[...findings, ...[skewFinding(skewMs)].filter((one) => one !== null)].map(
      ({ level, text, hint }) => `${level}: ${oneLine(text)}. ${capitalised(oneLine(hint))}`,
    ),
  ];
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

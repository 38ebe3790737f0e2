// Where to begin looking: `--since 2h`, an ISO time, or a seq.
import { EXIT, OffhookError } from "../errors.ts";

export type Since = { kind: "all" } | { kind: "seq"; seq: number } | { kind: "time"; ms: number };

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads the value of `--since`; `now` is wall time in ms. Anything else is a usage error (64). */
export function since(command: string, value: string | undefined, now: number): Since {
  if (value === undefined) return { kind: "all" };
  if (/^\d{1,15}$/.test(value)) return { kind: "seq", seq: Number(value) };
  const age = /^(\d{1,6}(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value);
  if (age !== null) return { kind: "time", ms: now - Number(age[1]) * (UNIT_MS[age[2] ?? ""] ?? 0) };
  const ms = Date.parse(value);
  if (/^\d{4}-/.test(value) && !Number.isNaN(ms)) return { kind: "time", ms };
  throw new OffhookError(
    EXIT.usage,
    `${command}: --since takes an age (2h), a time (2026-11-20T10:00:00Z) or a seq (1234), not "${value}"`,
    `offhook ${command} --help`,
  );
}

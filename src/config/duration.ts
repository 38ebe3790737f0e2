// Durations as people write them in config files: "250ms", "2s", "5m", "1h", "7d". "0s" means off. Pure.

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The milliseconds of a duration's text; null when it is none: a whole number and one unit, without a space. */
export function parseDuration(text: string): number | null {
  const [, digits = "", unit = ""] = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  return unitMs === undefined ? null : Number(digits) * unitMs;
}

/** The shortest text for a duration in milliseconds, in one unit: 90000 is "90s", 0 is "0s". */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  for (const unit of ["d", "h", "m", "s"] as const) {
    const unitMs = UNIT_MS[unit] ?? 1;
    if (ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  }
  return `${ms}ms`;
}

// Rates as people write them in config files: "30/m" is 30 within any minute. "0/s" means off. Pure.

/** At most `count` within any `perMs`. */
export type Rate = { count: number; perMs: number };

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The rate of a text; null when it is none: a whole number, a slash and one unit, without a space. */
export function parseRate(text: string): Rate | null {
  const [, digits = "", unit = ""] = /^(\d{1,9})\/([smhd])$/.exec(text) ?? [];
  const perMs = UNIT_MS[unit];
  return perMs === undefined ? null : { count: Number(digits), perMs };
}

/** What was probably meant by a text that is no rate ("30/min" is "30/m"), or a rate to go by. */
export function likelyRate(text: string): string {
  const [, digits = "30", unit = "m"] = /^\s*([1-9]\d{0,2})(?:\s*\/\s*([smhd])[a-z]*)?\s*$/i.exec(text) ?? [];
  return `${digits}/${unit.toLowerCase()}`;
}

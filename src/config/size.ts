// Sizes as people write them in config files: "512KiB", "64MiB", "1GiB". Pure.
// KB, MB and GB are refused: they are 1000s to some and 1024s to others.

const UNIT_BYTES: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** The bytes of a size's text; null when it is none: a whole number and one unit, without a space. */
export function parseSize(text: string): number | null {
  const [, digits = "", unit = ""] = /^(\d{1,9})(B|KiB|MiB|GiB)$/.exec(text) ?? [];
  const unitBytes = UNIT_BYTES[unit];
  return unitBytes === undefined ? null : Number(digits) * unitBytes;
}

/** What was probably meant by a text that is no size ("1GB" is "1GiB"), or a size to go by. */
export function likelySize(text: string): string {
  const [, digits = "", unit = ""] = /^\s*(\d{1,9})\s*([kmg])i?b?\s*$/i.exec(text) ?? [];
  return digits === "" ? "1GiB" : `${digits}${unit.toUpperCase()}iB`;
}

// Whether every event of a report was found again. Pure.
import type { Report } from "./shape.ts";

type Counted = { missing: number; foreign: number };

/** No event that publish acknowledged is missing in the stream, and none is there that nobody published. */
export function isLossless({ publishers, drain, soak }: Pick<Report, "publishers" | "drain" | "soak">): boolean {
  const counted: Counted[] = [...(publishers ?? []), ...(drain ?? []), ...(soak === null ? [] : [soak])];
  return counted.every(({ missing, foreign }) => missing === 0 && foreign === 0);
}

// How large the bodies of a torture run are: never powers of two, which hide a write that is torn where a page or a folio ends.
import type { Dice } from "./dice.ts";

/** From the least to the most, with a page and a folio ending inside all but the first two. */
export const SIZES_BYTES = [1, 997, 20_011, 60_013, 200_003, 1_000_001];

/** One of those, or any in between that is no power of two. */
export function sizeFrom(dice: Dice): number {
  if (dice.chance(0.7)) return dice.pick(SIZES_BYTES);
  const size = dice.between(3, 300_007);
  return (size & (size - 1)) === 0 ? size + 1 : size;
}

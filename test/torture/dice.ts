// The seeded generator: all that a torture run leaves to chance comes from here, so that a seed plays the same choices again
// (not the same moments: those are the scheduler's). No cryptography.

export type Dice = {
  /** A whole number from 0 to n - 1. */
  below(n: number): number;
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
  /** From 0 (included) to 1 (not included). */
  real(): number;
  /** True so often: chance(0.1) one time in ten. */
  chance(share: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** A new list in another order. */
  shuffled<T>(list: readonly T[]): T[];
  bytes(count: number): Uint8Array<ArrayBuffer>;
  /** Dice of their own for a part or a case: the same whatever was thrown before. */
  fork(name: string | number): Dice;
};

/** Dice for a seed; the same text gives the same throws. */
export function makeDice(seed: string): Dice {
  const next = xoshiro128(seed);
  const below = (n: number) => Math.floor((next() / 2 ** 32) * n);

  const dice: Dice = {
    below,
    between: (least, most) => least + below(most - least + 1),
    real: () => next() / 2 ** 32,
    chance: (share) => next() / 2 ** 32 < share,
    pick(list) {
      if (list.length === 0) throw new Error("nothing to pick from");
      return list[below(list.length)] as (typeof list)[number];
    },
    shuffled(list) {
      const left = [...list];
      return list.map(() => left.splice(below(left.length), 1)[0] as (typeof list)[number]);
    },
    bytes(count) {
      const words = new Uint32Array(Math.ceil(count / 4));
      for (let at = 0; at < words.length; at++) words[at] = next();
      return new Uint8Array(words.buffer, 0, count);
    },
    fork: (name) => makeDice(`${seed}/${name}`),
  };
  return dice;
}

/** xoshiro128** 1.1 (Blackman and Vigna, prng.di.unimi.it), its state filled from the text by FNV-1a and murmur3's finalizer. */
function xoshiro128(seed: string): () => number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(seed)) hash = Math.imul(hash ^ byte, 0x01000193);
  const word = () => {
    hash = (hash + 0x9e3779b9) | 0;
    let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return mixed ^ (mixed >>> 16);
  };
  let [a, b, c, d] = [word(), word(), word(), word()];
  const rotated = (value: number, by: number) => (value << by) | (value >>> (32 - by));
  return () => {
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotated(d, 11);
    return result >>> 0;
  };
}

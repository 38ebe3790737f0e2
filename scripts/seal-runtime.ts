// Makes the switches of runtime-switches.ts impossible in a copy of the Bun runtime, before a program is compiled into it
// (so the program's own bytes are never touched, and where Bun signs what it builds, it signs the sealed bytes).
// Steps: find each name where it is looked up, count, put a NUL over its first byte (no variable's name holds one); then find
// the compare with "BUN_JSC_" and make it never match. Any other count than expected is an error.
import { PREFIX_COMPARES, SWITCHES, TARGETS, type Target } from "./runtime-switches.ts";

/** The target of this machine. Throws where there is none. */
export function targetOfThisMachine(): Target {
  const target = TARGETS.find((name) => name === `${process.platform}-${process.arch}`);
  if (target === undefined)
    throw new Error(`no build for ${process.platform}-${process.arch}: only ${TARGETS.join(", ")}`);
  return target;
}

/** Seals the runtime's bytes in place. Throws, saying which, when a switch does not stand where this Bun has it. */
export function sealRuntime(runtime: Buffer, target: Target): void {
  for (const { name, missingOn, standsBare } of SWITCHES) {
    const places =
      standsBare === undefined ? placesOf(`\0${name}\0`, runtime).map((place) => place + 1) : placesOf(name, runtime);
    expectCount(name, places.length, missingOn?.includes(target) ? 0 : (standsBare ?? 1), target);
    for (const place of places) runtime[place] = 0;
  }
  const { find, replace } = PREFIX_COMPARES[target];
  const places = placesOf(bytesOf(find), runtime);
  expectCount("BUN_JSC_ (the compare)", places.length, 1, target);
  for (const place of places) bytesOf(replace).copy(runtime, place);
}

function expectCount(name: string, count: number, expected: number, target: Target): void {
  if (count === expected) return;
  throw new Error(
    `${name} stands ${count} times in the runtime of Bun ${Bun.version} for ${target}, expected ${expected}. ` +
      "Another Bun than scripts/runtime-switches.ts was written for: find by experiment what it looks up now",
  );
}

function placesOf(needle: Buffer | string, bytes: Buffer): number[] {
  const places: number[] = [];
  const wanted = Buffer.from(needle);
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) places.push(at);
  return places;
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

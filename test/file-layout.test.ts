// How a built binary lies in its file: what publish runs stands first, and on Linux a kernel can map it in large pieces.
// How much faster that is, is not tested here.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { alignRuntime } from "../scripts/align-runtime.ts";
import type { Order } from "../scripts/compile.ts";
import { elfNeeds } from "../scripts/elf.ts";
import { recordOrder } from "../scripts/publish-order.ts";
import { BINARY } from "./binary.ts";

const HUGE_BYTES = 0x20_0000;
const LOAD = 1;

/** What a kernel maps: where in the file, where in memory, what. */
function loadedParts(elf: Buffer): { offset: number; address: number; bytes: Buffer }[] {
  return Array.from({ length: elf.readUInt16LE(56) }, (_, index) => Number(elf.readBigUInt64LE(32)) + index * 56)
    .filter((at) => elf.readUInt32LE(at) === LOAD)
    .map((at) => {
      const offset = Number(elf.readBigUInt64LE(at + 8));
      const size = Number(elf.readBigUInt64LE(at + 32));
      return { offset, address: Number(elf.readBigUInt64LE(at + 16)), bytes: elf.subarray(offset, offset + size) };
    });
}

/** The names of a program's sections with the bytes of each that has a place in memory. */
function sectionsOf(elf: Buffer): { name: string; bytes: Buffer }[] {
  const table = Number(elf.readBigUInt64LE(40));
  const all = Array.from({ length: elf.readUInt16LE(60) }, (_, index) => {
    const at = table + index * 64;
    const offset = Number(elf.readBigUInt64LE(at + 24));
    const holdsBytes = elf.readUInt32LE(at + 4) !== 8; // SHT_NOBITS
    const size = holdsBytes ? Number(elf.readBigUInt64LE(at + 32)) : 0;
    return { name: elf.readUInt32LE(at), bytes: elf.subarray(offset, offset + size) };
  });
  const names = all[elf.readUInt16LE(62)]?.bytes ?? Buffer.alloc(0);
  return all.map(({ name, bytes }) => ({ name: names.toString("latin1", name, names.indexOf(0, name)), bytes }));
}

const onLinux = test.skipIf(process.platform !== "linux");

onLinux("each part of the binary lies in the file as in memory, modulo 2 MiB", () => {
  const parts = loadedParts(readFileSync(BINARY));
  expect(parts.length).toBeGreaterThan(1);
  for (const { offset, address } of parts) expect(offset % HUGE_BYTES).toBe(address % HUGE_BYTES);
});

onLinux("the runtime's own parts are moved, and nothing in them changes", () => {
  const runtime = readFileSync(process.execPath);
  const aligned = alignRuntime(runtime);
  expect(loadedParts(runtime).some(({ offset, address }) => offset % HUGE_BYTES !== address % HUGE_BYTES)).toBe(true);
  for (const { offset, address } of loadedParts(aligned)) expect(offset % HUGE_BYTES).toBe(address % HUGE_BYTES);
  const same = (one: { bytes: Buffer }[], other: { bytes: Buffer }[]) =>
    one.length === other.length &&
    one.every(({ bytes }, index) => bytes.equals(other[index]?.bytes ?? Buffer.alloc(0)));
  // The first part holds the tables that say where things are; its sections are looked at below.
  expect(same(loadedParts(runtime).slice(1), loadedParts(aligned).slice(1))).toBe(true);
  expect(sectionsOf(aligned).map(({ name }) => name)).toEqual(sectionsOf(runtime).map(({ name }) => name));
  expect(same(sectionsOf(runtime), sectionsOf(aligned))).toBe(true);
  expect(elfNeeds(aligned)).toEqual(elfNeeds(runtime));
  expect(alignRuntime(aligned).equals(aligned)).toBe(true);
});

test("what is no ELF is refused", () => {
  expect(() => alignRuntime(Buffer.alloc(100))).toThrow("not a 64-bit ELF");
});

test("the order in which bytecode is laid out names most of what publish runs", () => {
  const written: Order = JSON.parse(readFileSync(resolve(import.meta.dir, "../scripts/publish-order.json"), "utf8"));
  const { version, functions: run } = recordOrder();
  expect(written.version).toBe(version);
  expect(run.length).toBeGreaterThan(20);
  const missing = run.filter((hash) => !written.functions.includes(hash));
  // A quarter may be new; more than that: scripts/build --order.
  expect(missing.length).toBeLessThan(run.length / 4);
}, 30_000);

// The reader and the signer of Mach-O programs, on small programs made here. That the signer makes what a working signature
// looks like is seen in scripts/release: for darwin-arm64 it must give the bytes that Bun's own signing gives.
import { describe, expect, test } from "bun:test";
import { CPU, isSignedWell, layoutOf, signatureOf } from "../scripts/macho.ts";
import { signed } from "../scripts/macho-sign.ts";

const PAGE = 4096;

/** A program with __TEXT, __LINKEDIT, a build version and a place for a signature: `codeBytes` long before it. */
function program({ cpu = CPU.arm64 as number, codeBytes = 3 * PAGE + 100, signatureBytes = 0 } = {}): Buffer {
  const segment = (name: string, offset: number, bytes: number) => {
    const command = Buffer.alloc(72);
    command.writeUInt32LE(0x19, 0);
    command.writeUInt32LE(command.length, 4);
    command.write(name, 8, "latin1");
    command.writeBigUInt64LE(BigInt(offset), 24);
    command.writeBigUInt64LE(BigInt(PAGE), 32);
    command.writeBigUInt64LE(BigInt(offset), 40);
    command.writeBigUInt64LE(BigInt(bytes), 48);
    return command;
  };
  const version = Buffer.alloc(24);
  for (const [index, word] of [0x32, 24, 1, 13 << 16, 26 << 16, 0].entries()) version.writeUInt32LE(word, index * 4);
  const signature = Buffer.alloc(16);
  for (const [index, word] of [0x1d, 16, codeBytes, signatureBytes].entries()) signature.writeUInt32LE(word, index * 4);
  const linkEditAt = 2 * PAGE;
  const commands = [
    segment("__TEXT", 0, linkEditAt),
    segment("__LINKEDIT", linkEditAt, codeBytes + signatureBytes - linkEditAt),
    version,
    signature,
  ];
  const header = Buffer.alloc(32);
  header.writeUInt32LE(0xfeedfacf, 0);
  header.writeUInt32LE(cpu, 4);
  header.writeUInt32LE(commands.length, 16);
  const head = Buffer.concat([header, ...commands]);
  const code = Buffer.alloc(codeBytes - head.length).map((_, index) => index * 7);
  return Buffer.concat([head, code, Buffer.alloc(signatureBytes)]);
}

describe.each(["arm64", "x64"] as const)("a program for %s", (cpu) => {
  const unsigned = program({ cpu: CPU[cpu] });

  test("is signed so that every page and every byte before the signature counts", () => {
    const done = signed(unsigned, "offhook");
    expect(signatureOf(done)).toEqual({
      identifier: "offhook",
      flags: 0x20002,
      signedBytes: unsigned.length,
      pages: 4,
      wrongPages: [],
    });
    expect(isSignedWell(done)).toBe(true);
    expect(layoutOf(done)).toMatchObject({ cpu, minimumOs: "13.0", signatureAt: unsigned.length });
  });

  test("with a byte changed after signing has that page wrong, wherever it is", () => {
    for (const [at, page] of [
      [30, 0], // the reserved field of the header
      [PAGE, 1],
      [3 * PAGE - 1, 2],
      [unsigned.length - 1, 3],
    ] as const) {
      const changed = signed(unsigned, "offhook");
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(signatureOf(changed).wrongPages).toEqual([page]);
      expect(isSignedWell(changed)).toBe(false);
    }
  });
});

test("signing again gives the same bytes, and takes the place of a longer signature", () => {
  const once = signed(program(), "offhook");
  expect(signed(once, "offhook").equals(once)).toBe(true);
  const stale = signed(program({ signatureBytes: 5000 }), "offhook");
  expect(stale.equals(once)).toBe(true);
});

test("__LINKEDIT ends with the file", () => {
  const done = signed(program(), "a name that is longer");
  const { linkEdit } = layoutOf(done);
  const [address, offset, bytes] = [32, 40, 48].map((at) => Number(done.readBigUInt64LE(linkEdit + at)));
  expect(offset! + bytes!).toBe(done.length);
  expect(address! % PAGE).toBe(0);
  expect(address!).toBeGreaterThanOrEqual(bytes!);
});

test("a signature that stops before the end of the program is not well", () => {
  const done = signed(program(), "offhook");
  const { signatureAt, signatureCommand } = layoutOf(done);
  // The same signature, moved 16 bytes on: those bytes are in no page.
  const moved = Buffer.concat([done.subarray(0, signatureAt), Buffer.alloc(16), done.subarray(signatureAt)]);
  moved.writeUInt32LE(signatureAt + 16, signatureCommand + 8);
  expect(isSignedWell(moved)).toBe(false);
});

test("what is no such program is said to be none", () => {
  expect(() => layoutOf(Buffer.from("#!/bin/sh\n"))).toThrow("not a thin 64-bit Mach-O");
  expect(() => layoutOf(program({ cpu: 7 }))).toThrow("another processor: 0x7");
  expect(() => signatureOf(program({ signatureBytes: 64 }))).toThrow("no signature where one is announced");
  const short = signed(program(), "offhook").subarray(0, -1);
  expect(() => layoutOf(Buffer.from(short))).toThrow("beyond the end of the file");
});

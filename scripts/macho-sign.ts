// Gives a Mach-O program an ad-hoc signature like the one a linker makes: one code directory with the hash of every page, no
// certificate, no entitlements. For what Bun builds for darwin-x64, which keeps the signature of the unbuilt runtime. For
// darwin-arm64 Bun signs by itself, and what this makes of the same program is the same to the byte (scripts/release looks).
// Order: the header first (sizes of the signature and of __LINKEDIT), then the hashes, because page 0 is the header.
import { layoutOf, sha256 } from "./macho.ts";

const PAGE_BYTES = 4096;
const SUPER_BLOB_BYTES = 20; // its header and one entry
const DIRECTORY_BYTES = 88; // version 0x20400
const HASH_BYTES = 32;

/** A signed copy of the program; `identifier` is the name in the signature. What was there as a signature is dropped. */
export function signed(program: Buffer, identifier: string): Buffer {
  const { signatureCommand, text, linkEdit, signatureAt } = layoutOf(program);
  const code = Buffer.from(program.subarray(0, signatureAt));
  const name = Buffer.from(`${identifier}\0`);
  const pages = Math.ceil(signatureAt / PAGE_BYTES);
  const hashesAt = DIRECTORY_BYTES + name.length;
  const directoryBytes = hashesAt + HASH_BYTES * pages;
  const signatureBytes = SUPER_BLOB_BYTES + directoryBytes;

  code.writeUInt32LE(signatureBytes, signatureCommand + 12);
  const linkEditBytes = signatureAt + signatureBytes - Number(code.readBigUInt64LE(linkEdit + 40));
  code.writeBigUInt64LE(BigInt(Math.ceil(linkEditBytes / PAGE_BYTES) * PAGE_BYTES), linkEdit + 32);
  code.writeBigUInt64LE(BigInt(linkEditBytes), linkEdit + 48);

  const blob = bigEndian([0xfade0cc0, signatureBytes, 1, 0, SUPER_BLOB_BYTES]);
  const directory = bigEndian([
    0xfade0c02,
    directoryBytes,
    0x20400, // the version that has the bounds of the executable segment
    0x20002, // ad hoc, signed by a linker
    hashesAt,
    DIRECTORY_BYTES, // where the identifier begins
    0, // no special slots
    pages,
    signatureAt,
    (HASH_BYTES << 24) | (2 << 16) | Math.log2(PAGE_BYTES), // SHA-256, platform 0
    0, // spare
    0, // scatter
    0, // team
    0, // spare
    0, // a limit of 64 bits, high half
    0,
    ...halvesOf(code.readBigUInt64LE(text + 40)), // the executable segment: file offset and size
    ...halvesOf(code.readBigUInt64LE(text + 48)),
    ...halvesOf(1n), // it is the main binary
  ]);
  const hashes = Array.from({ length: pages }, (_, page) =>
    sha256(code.subarray(page * PAGE_BYTES, Math.min((page + 1) * PAGE_BYTES, signatureAt))),
  );
  return Buffer.concat([code, blob, directory, name, ...hashes]);
}

function bigEndian(words: number[]): Buffer {
  const bytes = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) bytes.writeUInt32BE(word >>> 0, index * 4);
  return bytes;
}

function halvesOf(value: bigint): [number, number] {
  return [Number(value >> 32n), Number(value & 0xffffffffn)];
}

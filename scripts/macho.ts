// Reads a thin 64-bit Mach-O program (darwin-x64, darwin-arm64) and recomputes the page hashes of its signature: macOS kills a
// program one of whose pages is not what was signed. Pure: bytes in, facts out. Writes nothing (macho-sign.ts does).
// Layouts: Apple's <mach-o/loader.h>, and <kern/cs_blobs.h> of XNU for what is inside a signature (big-endian).

const MAGIC_64 = 0xfeedfacf;
const HEADER_BYTES = 32;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const LC_BUILD_VERSION = 0x32;
const SUPER_BLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const SHA256 = 2;

export const CPU = { x64: 0x01000007, arm64: 0x0100000c } as const;

/** Where a load command stands, as an offset from the start of the file. */
export type Layout = {
  cpu: keyof typeof CPU;
  /** Offsets of the load commands themselves. */
  signatureCommand: number;
  text: number;
  linkEdit: number;
  /** Where the signature begins: what is before it is signed. */
  signatureAt: number;
  signatureBytes: number;
  /** "13.0", or null where no command says it. */
  minimumOs: string | null;
};

export type Signature = {
  identifier: string;
  /** 0x2 ad hoc, 0x10000 hardened runtime, 0x20000 put there by a linker. */
  flags: number;
  /** How many bytes from the start of the file are signed. */
  signedBytes: number;
  pages: number;
  /** Numbers of the pages whose bytes are not those that were signed. */
  wrongPages: number[];
};

/** Finds the commands that a signature is about. Throws for what is no thin 64-bit Mach-O with room for a signature. */
export function layoutOf(bytes: Buffer): Layout {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC_64) throw new Error("not a thin 64-bit Mach-O");
  const cpu = (Object.keys(CPU) as (keyof typeof CPU)[]).find((name) => CPU[name] === bytes.readUInt32LE(4));
  if (cpu === undefined) throw new Error(`a Mach-O for another processor: 0x${bytes.readUInt32LE(4).toString(16)}`);
  const at: { signature?: number; text?: number; linkEdit?: number } = {};
  let minimumOs: string | null = null;
  let command = HEADER_BYTES;
  for (let left = bytes.readUInt32LE(16); left > 0; left--) {
    const kind = bytes.readUInt32LE(command);
    const size = bytes.readUInt32LE(command + 4);
    if (size < 8 || command + size > bytes.length) throw new Error(`a load command at ${command} does not fit`);
    if (kind === LC_CODE_SIGNATURE) at.signature = command;
    if (kind === LC_BUILD_VERSION) minimumOs = versionText(bytes.readUInt32LE(command + 12));
    if (kind === LC_SEGMENT_64) {
      const name = bytes.toString("latin1", command + 8, command + 24).replace(/\0+$/, "");
      if (name === "__TEXT") at.text = command;
      if (name === "__LINKEDIT") at.linkEdit = command;
    }
    command += size;
  }
  const { signature, text, linkEdit } = at;
  if (signature === undefined || text === undefined || linkEdit === undefined) {
    throw new Error("no LC_CODE_SIGNATURE, __TEXT or __LINKEDIT in the Mach-O");
  }
  const signatureAt = bytes.readUInt32LE(signature + 8);
  const signatureBytes = bytes.readUInt32LE(signature + 12);
  if (signatureAt + signatureBytes > bytes.length) throw new Error("the signature lies beyond the end of the file");
  return { cpu, signatureCommand: signature, text, linkEdit, signatureAt, signatureBytes, minimumOs };
}

/** Reads the signature and hashes every page again. Throws where there is none that can be read. */
export function signatureOf(bytes: Buffer): Signature {
  const { signatureAt, signatureBytes } = layoutOf(bytes);
  const blob = bytes.subarray(signatureAt, signatureAt + signatureBytes);
  if (blob.length < 12 || blob.readUInt32BE(0) !== SUPER_BLOB) throw new Error("no signature where one is announced");
  for (let index = 0; index < blob.readUInt32BE(8); index++) {
    const at = blob.readUInt32BE(12 + 8 * index + 4);
    if (blob.readUInt32BE(at) === CODE_DIRECTORY) return directoryOf(bytes, blob.subarray(at));
  }
  throw new Error("a signature without a code directory");
}

function directoryOf(bytes: Buffer, directory: Buffer): Signature {
  const hashesAt = directory.readUInt32BE(16);
  const identifierAt = directory.readUInt32BE(20);
  const pages = directory.readUInt32BE(28);
  const signedBytes = directory.readUInt32BE(32);
  const hashBytes = directory[36] ?? 0;
  if (directory[37] !== SHA256 || hashBytes !== 32) throw new Error("the signature's hashes are not SHA-256");
  const pageBytes = 2 ** (directory[39] ?? 0);
  if (signedBytes > bytes.length || pages !== Math.ceil(signedBytes / pageBytes)) {
    throw new Error(`the signature counts ${pages} pages for ${signedBytes} bytes`);
  }
  const wrongPages: number[] = [];
  for (let page = 0; page < pages; page++) {
    const hash = sha256(bytes.subarray(page * pageBytes, Math.min((page + 1) * pageBytes, signedBytes)));
    const signed = directory.subarray(hashesAt + page * hashBytes, hashesAt + (page + 1) * hashBytes);
    if (!hash.equals(signed)) wrongPages.push(page);
  }
  const identifierEnd = directory.indexOf(0, identifierAt);
  const identifier = directory.toString("latin1", identifierAt, identifierEnd);
  return { identifier, flags: directory.readUInt32BE(12), signedBytes, pages, wrongPages };
}

/** True where macOS would find every page as it was signed, and nothing of the program outside of what was signed. */
export function isSignedWell(bytes: Buffer): boolean {
  const { wrongPages, signedBytes } = signatureOf(bytes);
  return wrongPages.length === 0 && signedBytes === layoutOf(bytes).signatureAt;
}

export function sha256(bytes: Uint8Array): Buffer {
  return Buffer.from(Bun.SHA256.hash(bytes) as Uint8Array);
}

/** 0x000d0000 -> "13.0" */
function versionText(packed: number): string {
  return `${packed >> 16}.${(packed >> 8) & 0xff}`;
}

// Reads what a 64-bit little-endian ELF program asks of the machine it runs on: processor, loader, libraries, newest glibc
// symbol. Pure: bytes in, facts out. Layout: the System V ABI, and the LSB for the versions that are needed.

const LOAD = 1;
const DYNAMIC = 2;
const INTERPRETER = 3;
const NEEDED = 1;
const STRINGS = 5;
const VERSIONS_NEEDED = 0x6ffffffe;
const VERSIONS_NEEDED_COUNT = 0x6fffffff;
const MACHINES: Record<number, "x64" | "arm64"> = { 62: "x64", 183: "arm64" };

export type ElfNeeds = {
  machine: "x64" | "arm64";
  /** The loader's path, or null in a program without one. */
  loader: string | null;
  libraries: string[];
  /** "2.17": the newest version of glibc that a symbol of it asks for, or null. */
  glibc: string | null;
};

/** Throws for what is no such ELF. */
export function elfNeeds(bytes: Buffer): ElfNeeds {
  if (bytes.length < 64 || bytes.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") throw new Error("not a 64-bit ELF");
  const machine = MACHINES[bytes.readUInt16LE(18)];
  if (machine === undefined) throw new Error(`an ELF for another processor: ${bytes.readUInt16LE(18)}`);
  const segments = segmentsOf(bytes);
  const interpreter = segments.find(({ kind }) => kind === INTERPRETER);
  const loader = interpreter === undefined ? null : textAt(bytes, interpreter.offset);
  const dynamic = segments.find(({ kind }) => kind === DYNAMIC);
  if (dynamic === undefined) return { machine, loader, libraries: [], glibc: null };

  const entries: { tag: number; value: number }[] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.bytes; at += 16) {
    const entry = { tag: Number(bytes.readBigUInt64LE(at)), value: Number(bytes.readBigUInt64LE(at + 8)) };
    if (entry.tag === 0) break;
    entries.push(entry);
  }
  const place = (tag: number): number | null => {
    const entry = entries.find((one) => one.tag === tag);
    return entry === undefined ? null : offsetOf(entry.value, segments);
  };
  const strings = place(STRINGS);
  if (strings === null) throw new Error("an ELF without a table of strings");
  const libraries = entries.filter(({ tag }) => tag === NEEDED).map(({ value }) => textAt(bytes, strings + value));
  const versions = place(VERSIONS_NEEDED);
  const count = entries.find(({ tag }) => tag === VERSIONS_NEEDED_COUNT)?.value ?? 0;
  const names = versions === null ? [] : versionNames(bytes, versions, count, strings);
  return { machine, loader, libraries, glibc: newest(names) };
}

type Segment = { kind: number; offset: number; address: number; bytes: number };

function segmentsOf(bytes: Buffer): Segment[] {
  const table = Number(bytes.readBigUInt64LE(32));
  const size = bytes.readUInt16LE(54);
  return Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => {
    const at = table + index * size;
    return {
      kind: bytes.readUInt32LE(at),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      bytes: Number(bytes.readBigUInt64LE(at + 32)),
    };
  });
}

function offsetOf(address: number, segments: Segment[]): number {
  const found = segments.find(
    (one) => one.kind === LOAD && address >= one.address && address < one.address + one.bytes,
  );
  if (found === undefined) throw new Error(`nothing of the ELF is loaded at ${address}`);
  return address - found.address + found.offset;
}

/** The names of all versions that are asked of all libraries: "GLIBC_2.17", "GCC_3.0". */
function versionNames(bytes: Buffer, start: number, count: number, strings: number): string[] {
  const names: string[] = [];
  let library = start;
  for (let left = count; left > 0; left--) {
    let version = library + bytes.readUInt32LE(library + 8);
    for (let more = bytes.readUInt16LE(library + 2); more > 0; more--) {
      names.push(textAt(bytes, strings + bytes.readUInt32LE(version + 8)));
      version += bytes.readUInt32LE(version + 12);
    }
    library += bytes.readUInt32LE(library + 12);
  }
  return names;
}

function newest(names: string[]): string | null {
  const versions = names.flatMap((name) => /^GLIBC_(\d+(?:\.\d+)*)$/.exec(name)?.[1] ?? []);
  return versions.sort((a, b) => Bun.semver.order(padded(a), padded(b))).at(-1) ?? null;
}

/** "2.17" -> "2.17.0", which is what semver orders. */
function padded(version: string): string {
  return [...version.split("."), "0", "0"].slice(0, 3).join(".");
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString("latin1", at, bytes.indexOf(0, at));
}

// Whether the ledger's -wal is damaged. SQLite ends reading it at the first frame that is not whole and says nothing, because
// that is how a write that was cut off looks; but whole writes after such a frame are not cut off, they are lost.
// The format: sqlite.org/fileformat2.html, section 4.
import { readFileSync } from "node:fs";
import { codeOf } from "../errors.ts";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The header's first four bytes: sums count in little endian; one more: in big endian. */
const MAGIC = 0x377f0682;

/** How many transactions in the -wal at `path` SQLite will not read, though something was written after them; 0: none, or no file. */
export function unreadableCommits(path: string): number {
  const wal = readOrEmpty(path);
  if (wal.length < HEADER_BYTES + FRAME_HEADER_BYTES) return 0;
  const magic = wal.readUInt32BE(0);
  const pageBytes = wal.readUInt32BE(8);
  const isKnown = magic === MAGIC || magic === MAGIC + 1;
  const sum = summer(wal, magic === MAGIC);
  let sums = sum([0, 0], 0, 24);
  let isWhole = isKnown && isSum(wal, 24, sums);
  // A header that is damaged says nothing about the frames: those of the first one's writing count.
  const frameBytes = FRAME_HEADER_BYTES + (isWhole ? pageBytes : 4096);
  const salts = isWhole ? wal.subarray(16, 24) : wal.subarray(HEADER_BYTES + 8, HEADER_BYTES + 16);

  let commits = 0;
  let framesAfter = 0;
  for (let at = HEADER_BYTES; at + frameBytes <= wal.length; at += frameBytes) {
    // Left over from before the file was begun anew.
    if (!wal.subarray(at + 8, at + 16).equals(salts)) {
      isWhole = false;
      continue;
    }
    if (isWhole) {
      sums = sum(sum(sums, at, at + 8), at + FRAME_HEADER_BYTES, at + frameBytes);
      isWhole = isSum(wal, at + 16, sums);
      if (isWhole) continue;
    }
    framesAfter++;
    if (wal.readUInt32BE(at + 4) !== 0) commits++;
  }
  // One frame alone may be the write that was under way when the daemon was killed.
  return framesAfter > 1 ? commits : 0;
}

type Sums = [number, number];

/** Goes on with the two sums of the format over the bytes from `start` to `end`. */
function summer(wal: Buffer, isLittle: boolean): (sums: Sums, start: number, end: number) => Sums {
  const words = new DataView(wal.buffer, wal.byteOffset, wal.byteLength);
  return ([first, second], start, end) => {
    for (let at = start; at < end; at += 8) {
      first = (first + words.getUint32(at, isLittle) + second) >>> 0;
      second = (second + words.getUint32(at + 4, isLittle) + first) >>> 0;
    }
    return [first, second];
  };
}

function isSum(wal: Buffer, at: number, [first, second]: Sums): boolean {
  return wal.readUInt32BE(at) === first && wal.readUInt32BE(at + 4) === second;
}

function readOrEmpty(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

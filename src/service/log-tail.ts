// The end of a log file. Changes nothing.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { codeOf } from "../errors.ts";

/** More than this of a log's end is not read. */
const LOG_BYTES = 65_536;

/** How long a file is, in bytes; 0 where there is none. */
export function sizeOf(path: string): number {
  return tailBytes(path, 0).size;
}

/** The last lines of a file that were written behind a place in it; [] where there is no file. */
export function tail(path: string, at: number, lines: number): string[] {
  const text = tailBytes(path, at).text.trimEnd();
  return text === "" ? [] : text.split("\n").slice(-lines);
}

function tailBytes(path: string, at: number): { size: number; text: string } {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return { size: 0, text: "" };
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    // It may have been cut since.
    const from = Math.max(at <= size ? at : 0, size - LOG_BYTES);
    const bytes = Buffer.alloc(size - from);
    const count = readSync(fd, bytes, 0, bytes.length, from);
    return { size, text: bytes.toString("utf8", 0, count) };
  } finally {
    closeSync(fd);
  }
}

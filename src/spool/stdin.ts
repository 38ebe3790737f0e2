// Reading the event from stdin: all of it, at most 32 MiB kept, and never for ever.
//
// A hook's stdin may stay open although its object is whole (then the object's end is the end), or although nothing comes
// (then patience ends). A blocking read cannot be interrupted from JavaScript and stdin is a socket under Claude Code, so
// poll(2) is asked before each read. Measured with Bun 1.4.5, over a program that only reads and parses (medians of 200
// paired runs, socket, 1 KB): blocking reads +0.1 ms, poll +0.5, Bun.stdin.stream() with a timer +0.9, fs.read with a
// timer +2.1. No byte is looked at while they come in time.
import { files } from "../system/files.ts";
import { openPoll, type Poll } from "../system/libc.ts";
import { makeObjectEnd } from "./object-end.ts";

/** What came. `sizeBytes` counts all of it, also what was not kept. */
export type Input = { body: Uint8Array; sizeBytes: number; flags: ("cut" | "incomplete")[] };

const KEPT_BYTES = 32 * 1024 * 1024;
const FIRST_BUFFER_BYTES = 64 * 1024;
/** So long nothing must come before we look whether the object is whole. */
const QUIET_MS = 20;
/** So long we wait for another byte, and since the process began for the first and for all; storing must fit into 3 s too. */
const NEXT_BYTE_MS = 900;
const TOTAL_MS = 2500;

/**
 * Reads a hook's object: until the end, until it is whole and nothing more comes, or until patience ends (flag
 * `incomplete`). Throws when stdin cannot be read at all (EISDIR, EBADF).
 */
export function readObject(): Input {
  // Without poll(2) only reads that may block are left: then the end is awaited.
  const poll: Poll = openPoll() ?? (() => true);
  const sink = makeSink();
  const objectEnd = makeObjectEnd();
  const isWhole = () => sink.isKept() && objectEnd.isAtEnd(sink.kept());
  let lastByteMs = Number.POSITIVE_INFINITY;
  for (;;) {
    const nowMs = performance.now(); // Counts from the start of the process.
    if (nowMs >= TOTAL_MS) return sink.input(!isWhole());
    if (!poll(0, Math.min(QUIET_MS, TOTAL_MS - nowMs))) {
      if (isWhole()) return sink.input(false);
      const untilMs = Math.min(lastByteMs + NEXT_BYTE_MS, TOTAL_MS);
      if (!poll(0, untilMs - performance.now())) return sink.input(true);
    }
    const came = sink.read();
    if (came === "bytes") lastByteMs = performance.now();
    else if (came !== "nothing") return sink.input(came === "broken");
  }
}

/** Reads a program's data until the end, however long that takes. Throws when stdin cannot be read at all. */
export function readToEnd(): Input {
  const sink = makeSink();
  for (;;) {
    const came = sink.read();
    if (came === "end" || came === "broken") return sink.input(came === "broken");
  }
}

/** Where the bytes go: kept up to the limit, then only counted. */
function makeSink() {
  let buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  /** For what is not kept. */
  let drain: Uint8Array | null = null;
  let keptBytes = 0;
  let sizeBytes = 0;

  return {
    /** Reads once. Throws an error that comes before the first byte: then there is no event. */
    read(): "bytes" | "nothing" | "end" | "broken" {
      const isFull = keptBytes === KEPT_BYTES;
      if (isFull) drain ??= new Uint8Array(FIRST_BUFFER_BYTES);
      else if (keptBytes === buffer.length) buffer = grown(buffer);
      const target = drain ?? buffer.subarray(keptBytes);
      let count: number;
      try {
        count = files.readOnce(0, target);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EAGAIN") {
          Bun.sleepSync(1); // Somebody made stdin non-blocking, and nothing is there.
          return "nothing";
        }
        if (sizeBytes === 0) throw error;
        return "broken";
      }
      if (count === 0) return "end";
      if (!isFull) keptBytes += count;
      sizeBytes += count;
      return "bytes";
    },
    /** Whether all that came was kept. */
    isKept: () => keptBytes === sizeBytes,
    kept: () => buffer.subarray(0, keptBytes),
    input(isIncomplete: boolean): Input {
      const flags: Input["flags"] = [];
      if (keptBytes < sizeBytes) flags.push("cut");
      if (isIncomplete) flags.push("incomplete");
      return { body: buffer.subarray(0, keptBytes), sizeBytes, flags };
    },
  };
}

function grown(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(buffer.length * 2, KEPT_BYTES));
  larger.set(buffer);
  return larger;
}

// The output of a worker, bounded: the first and the last bytes are kept, the middle is drained and counted.
// Memory does not grow with what a worker writes.
import type { Redactor } from "./redact.ts";

const HEAD_BYTES = 8 * 1024;
const TAIL_BYTES = 24 * 1024;

/** Takes bytes and gives text. */
export type BoundedOutput = {
  push(bytes: Uint8Array): void;
  /** What was kept, as text that JSON and SQLite can hold, with a line that says how many bytes were left out. */
  text(redact: Redactor): string;
};

/** Makes an output that keeps the first `headBytes` and the last `tailBytes`. */
export function makeBoundedOutput(headBytes = HEAD_BYTES, tailBytes = TAIL_BYTES): BoundedOutput {
  let head: Uint8Array | null = null; // Most workers write nothing.
  let headSize = 0;
  let tail: Uint8Array | null = null;
  /** All bytes that ever went into the tail; where the next one goes is this modulo its size. */
  let tailCount = 0;

  const pushTail = (bytes: Uint8Array) => {
    tail ??= new Uint8Array(tailBytes);
    const kept = bytes.subarray(Math.max(0, bytes.length - tailBytes));
    const at = (tailCount + bytes.length - kept.length) % tailBytes;
    const first = kept.subarray(0, tailBytes - at);
    tail.set(first, at);
    tail.set(kept.subarray(first.length), 0);
    tailCount += bytes.length;
  };

  return {
    push(bytes) {
      head ??= new Uint8Array(headBytes);
      const taken = bytes.subarray(0, headBytes - headSize);
      head.set(taken, headSize);
      headSize += taken.length;
      if (taken.length < bytes.length) pushTail(bytes.subarray(taken.length));
    },
    text(redact) {
      if (head === null) return "";
      const first = head.subarray(0, headSize);
      if (tail === null) return redact.whole(decode(first));
      if (tailCount <= tailBytes) return redact.whole(decode(joined(first, tail.subarray(0, tailCount))));
      const at = tailCount % tailBytes;
      const start = withoutHalfEnd(first);
      const end = withoutHalfStart(joined(tail.subarray(at), tail.subarray(0, at)));
      const left = headSize + tailCount - start.length - end.length;
      return `${redact.head(decode(start))}\n[${left} bytes left out]\n${redact.tail(decode(end))}`;
    },
  };
}

/** Reads a stream into an output until it ends or is cancelled. `ended` never rejects. */
export function readInto(
  stream: ReadableStream<Uint8Array>,
  output: BoundedOutput,
): { ended: Promise<void>; cancel(): void } {
  const reader = stream.getReader();
  const read = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      output.push(value);
    }
  };
  return {
    ended: read().catch((error: unknown) => {
      output.push(new TextEncoder().encode(`\n[offhook could not read on: ${error}]\n`));
    }),
    cancel: () => void reader.cancel().catch(() => undefined), // already failed: `ended` has said so
  };
}

/** Text of any bytes: what is no UTF-8 becomes U+FFFD; NUL, at which C would end the text, becomes its picture. */
export function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replaceAll("\0", "\u2400");
}

/** Without the beginning of a UTF-8 character at the end. */
export function withoutHalfEnd(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return size > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

/** Without the rest of a UTF-8 character at the start. */
function withoutHalfStart(bytes: Uint8Array): Uint8Array {
  let skip = 0;
  while (skip < 3 && isContinuation(bytes[skip] ?? 0)) skip++;
  return bytes.subarray(skip);
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

// What the control of the benchmark does: reads its event as a hook must, parses it, and nothing else. Two programs do it: one of
// its own (null.ts), and offhook itself (commands/null.ts). It must not learn anything else: every figure is told relative to it.
import { readSync } from "node:fs";

const CHUNK_BYTES = 65_536;

/** Reads stdin to its end and parses it. Throws when that is not JSON. */
export function readAndParse(): void {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const sizeBytes = readSync(0, chunk);
    if (sizeBytes === 0) break;
    chunks.push(chunk.subarray(0, sizeBytes));
  }
  JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

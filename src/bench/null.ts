// The pinned control of the benchmark: what a Bun hook costs that reads its event, parses it and does nothing.
// Built with offhook's own build line. It must not learn anything else: every figure is told relative to it.
import { readSync } from "node:fs";

const CHUNK_BYTES = 65_536;
const chunks: Buffer[] = [];

for (;;) {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  const sizeBytes = readSync(0, chunk);
  if (sizeBytes === 0) break;
  chunks.push(chunk.subarray(0, sizeBytes));
}
JSON.parse(Buffer.concat(chunks).toString("utf8"));
process.exit(0);

// Small files of the kernel (/proc), read and written through the C library: node:fs takes several times as long, and each worker
// costs a few of them. Where the library says no, node:fs is asked the same: it does it or says why.
import { readFileSync, writeFileSync } from "node:fs";
import { openCalls } from "./libc.ts";

// <fcntl.h>, the same on x64 and arm64.
const O_RDONLY_CLOEXEC = 0o2000000;
const O_WRONLY_CLOEXEC = 0o2000001;
/** Longer than any line of /proc/PID/stat. */
const ONE_READ_BYTES = 4096;

const bytes = new Uint8Array(ONE_READ_BYTES);
let calls: ReturnType<typeof open> | undefined;

function open() {
  if (process.platform !== "linux") return null;
  return openCalls({
    open: { args: ["cstring", "i32", "u32"], returns: "i32" },
    read: { args: ["i32", "buffer", "u64"], returns: "i64" },
    write: { args: ["i32", "buffer", "u64"], returns: "i64" },
    close: { args: ["i32"], returns: "i32" },
  });
}

/** The text of a file. Errors: those of readFileSync. */
export function readProcFile(path: string): string {
  calls ??= open();
  const fd = calls?.open(path, O_RDONLY_CLOEXEC, 0) ?? -1;
  if (calls == null || fd < 0) return readFileSync(path, "utf8");
  const count = Number(calls.read(fd, bytes, bytes.length));
  calls.close(fd);
  // What does not end within one read is read by whom that is nothing new.
  if (count < 0 || count === bytes.length) return readFileSync(path, "utf8");
  return new TextDecoder().decode(bytes.subarray(0, count));
}

/** Writes a text into a file that is there. Errors: those of writeFileSync. */
export function writeProcFile(path: string, text: string): void {
  calls ??= open();
  const fd = calls?.open(path, O_WRONLY_CLOEXEC, 0) ?? -1;
  if (calls != null && fd >= 0) {
    const encoded = new TextEncoder().encode(text);
    const count = Number(calls.write(fd, encoded, encoded.length));
    calls.close(fd);
    if (count === encoded.length) return;
  }
  writeFileSync(path, text, { flag: "r+" });
}

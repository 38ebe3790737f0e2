// What a person reads when a command failed: `error: ...`, and `try: ...` where there is something to do.
import { writeSync } from "node:fs";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";
import { oneLine, ReaderGone } from "./print.ts";

/** Says on stderr what was thrown; gives the exit code. OFFHOOK_DEBUG=1 shows where an internal error came from. */
export function report(error: unknown): number {
  // `offhook events | head`: whoever read has seen enough.
  if (error instanceof ReaderGone) return EXIT.ok;
  if (error instanceof OffhookError) {
    say([`error: ${error.message}`, ...(error.hint === null ? [] : [`try: ${error.hint}`])]);
    return error.exitCode;
  }
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error) ?? "")) {
    say([
      `error: the ledger seems damaged: ${messageOf(error)}`,
      "try: start the daemon again: offhook consume. It looks through the ledger and sets it aside where it is damaged",
    ]);
    return EXIT.config;
  }
  const advice = adviceFor(codeOf(error) ?? "");
  if (advice !== null) {
    say([`error: ${messageOf(error)}`, `try: ${advice}`]);
    return EXIT.failed;
  }
  const isDebug = process.env.OFFHOOK_DEBUG === "1";
  say([`error: internal: ${isDebug && error instanceof Error ? error.stack : messageOf(error)}`]);
  return EXIT.failed;
}

/** What to do where the system refused something that nobody foresaw; null for what is not the system's. */
function adviceFor(code: string): string | null {
  if (/^(ENOSPC|EDQUOT|SQLITE_FULL)$/.test(code)) return "make room on the disk of the home";
  if (/^(EACCES|EPERM|EROFS|SQLITE_READONLY|SQLITE_CANTOPEN)/.test(code))
    return "make the home and what is in it readable and writable for you";
  if (/^(EMFILE|ENFILE)$/.test(code)) return "allow more open files (ulimit -n), or end what holds so many";
  return /^(EIO|SQLITE_IOERR)/.test(code) ? "look at the disk and at the system's log" : null;
}

/** Names and words that a person typed, or that came with an event, may hold anything. */
function say(lines: readonly string[]): void {
  const shown = lines.flatMap((line) => line.split("\n")).map(oneLine);
  try {
    writeSync(2, `${shown.join("\n")}\n`);
  } catch {
    // Nobody reads stderr: the exit code is all that is left to say it.
  }
}

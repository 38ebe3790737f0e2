// What a person reads when a command failed: `error: ...`, and `try: ...` where there is something to do.
import { writeSync } from "node:fs";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";
import { ReaderGone } from "./print.ts";

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
  const isDebug = process.env.OFFHOOK_DEBUG === "1";
  say([`error: internal: ${isDebug && error instanceof Error ? error.stack : messageOf(error)}`]);
  return EXIT.failed;
}

function say(lines: readonly string[]): void {
  try {
    writeSync(2, `${lines.join("\n")}\n`);
  } catch {
    // Nobody reads stderr: the exit code is all that is left to say it.
  }
}

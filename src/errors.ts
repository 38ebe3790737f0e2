// What went wrong, said for the person who can mend it. main.ts prints it and exits with its code.
// Not for event/ and not for the hot path: both stay free of imports.

/** Exit codes of every command (sysexits.h where it has one). No command exits 2: Claude Code reads that as "block". */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 64,
  notFound: 66,
  noDaemon: 69,
  busy: 75,
  permission: 77,
  config: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error that the user can mend: what happened and where (message), what to do (hint), and the exit code. */
export class OffhookError extends Error {
  override readonly name = "OffhookError";

  constructor(
    readonly exitCode: ExitCode,
    message: string,
    readonly hint: string | null = null,
  ) {
    super(message);
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of a failed system call ("ENOENT"), or null for any other error. */
export function codeOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : null;
}

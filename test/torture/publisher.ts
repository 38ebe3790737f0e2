// Publishers of a torture run: each sends a body that is known by its name, gets its bytes through a socket as a hook does, and
// may be killed. The name travels in CLAUDE_CODE_SESSION_ID, which publish keeps in the header: so an event is found by id.

/** What one publisher was given, and what is to be stored of it. Bodies are not kept: a million bytes each. */
export type Sent = {
  name: string;
  /** All that was sent. */
  sizeBytes: number;
  /** Of what is kept, as `keptOf` says. */
  digest: string;
  flags: string[];
};

/** As much of one event is kept (DESIGN.md: 32 MiB); the rest is read and counted. */
const KEPT_BYTES = 32 * 1024 * 1024;

export type Ended = { exitCode: number | null; signal: string | null; stdout: string; stderr: string; tookMs: number };

export type Publisher = {
  pid: number;
  ended: Promise<Ended>;
};

export type PublishOptions = {
  /** The program and its words: [binary, "publish"], or something before it (strace). */
  command: string[];
  home: string;
  /** Of the event; unique in a run. */
  name: string;
  body: Uint8Array;
  /** How it comes: in one piece, or in pieces of so many bytes with pauses between them. Default: in one. */
  pieces?: { bytes: number; pauseMs: number };
  /** Its stdin is left open after the last byte. */
  staysOpen?: boolean;
  /** So long after its start it is sent SIGKILL; null: never. */
  killAfterMs?: number | null;
};

/** So much goes into a socket at once; more comes from memory (a memfd): this process, with other things to do, may make a publisher
 *  wait longer for the rest than it waits (a second). */
const SOCKET_BYTES = 200_003;

/** SIGKILL for what is stuck: no publish takes so long. */
const STUCK_MS = 30_000;

/** The whole environment of a publisher. */
export function publisherEnv(home: string, name: string): Record<string, string> {
  return { PATH: "/usr/bin:/bin", HOME: home, OFFHOOK_HOME: home, CLAUDE_CODE_SESSION_ID: name };
}

/** What is to be expected of an event with this body; `incomplete` where its stdin stays open and no object has ended. */
export function sentOf(name: string, body: Uint8Array, isIncomplete = false): Sent {
  const flags = [body.length > KEPT_BYTES ? "cut" : "", isIncomplete ? "incomplete" : ""].filter(Boolean);
  return { name, sizeBytes: body.length, digest: digestOf(keptOf(body)), flags };
}

/** What of a body is to be in the event. */
export function keptOf(body: Uint8Array): Uint8Array {
  return body.subarray(0, KEPT_BYTES);
}

export function digestOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** Starts one. `ended` never rejects: a publisher that was killed leaves its stdin unread. */
export function startPublisher({ command, home, name, body, ...how }: PublishOptions): Publisher {
  const startedAt = performance.now();
  const { killAfterMs = null, pieces = null, staysOpen = false } = how;
  const isAtOnce = pieces === null && !staysOpen && body.length > SOCKET_BYTES;
  const child = Bun.spawn(command, {
    env: publisherEnv(home, name),
    cwd: "/",
    stdin: isAtOnce ? body : "pipe",
    stdout: "pipe",
    stderr: "pipe",
    timeout: STUCK_MS,
    killSignal: "SIGKILL",
  });
  const kill = killAfterMs === null ? null : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  const stdin = child.stdin instanceof Object ? child.stdin : null;
  const fed = stdin === null ? null : feed(stdin, body, pieces, staysOpen ? child.exited : null);
  const finish = async (): Promise<Ended> => {
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    const tookMs = performance.now() - startedAt;
    if (kill !== null) clearTimeout(kill);
    await fed;
    const { exitCode, signalCode } = child;
    return { exitCode, signal: signalCode === null ? null : String(signalCode), stdout, stderr, tookMs };
  };
  return { pid: child.pid, ended: finish() };
}

async function feed(
  stdin: Bun.FileSink,
  body: Uint8Array,
  pieces: PublishOptions["pieces"] | null,
  until: Promise<unknown> | null,
): Promise<void> {
  const { bytes, pauseMs } = pieces ?? { bytes: body.length || 1, pauseMs: 0 };
  try {
    for (let at = 0; at < body.length; at += bytes) {
      stdin.write(body.subarray(at, at + bytes));
      await stdin.flush();
      if (pauseMs > 0) await Bun.sleep(pauseMs);
    }
    await until;
    await stdin.end();
  } catch {
    // EPIPE: it was killed before it had read all. What is stored of it is looked at, not what it read.
  }
}

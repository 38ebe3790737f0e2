// Tells the service manager how this program is (sd_notify(3)): one datagram to the socket that NOTIFY_SOCKET names. Bun has no
// unix datagrams, so the C library is asked. Without a socket, or where it cannot be called, nothing is told.
import { openCalls } from "./libc.ts";

export type Notify = {
  /** It serves. `status` is shown to people. */
  ready(status: string): void;
  status(text: string): void;
  /** It reads its settings again; `ready` ends that. */
  reloading(): void;
  stopping(): void;
  /** Tells from now on that its event loop turns, twice in the time that the manager gives it. Keeps no program alive. */
  beat(): void;
};

// <sys/socket.h> of Linux, the same on x64 and arm64.
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const MSG_DONTWAIT = 0x40;
const CLOCK_MONOTONIC = 1;
const SUN_PATH_BYTES = 108;

type Environment = Record<string, string | undefined>;

/** What to tell the manager that started this process; tells nothing where there is none. */
export function openNotify(env: Environment = process.env, pid = process.pid): Notify {
  const send = env.NOTIFY_SOCKET ? sender(env.NOTIFY_SOCKET) : null;
  const tell = (...lines: string[]) => send?.(lines.join("\n"), true);
  let timer: Timer | null = null;
  return {
    ready: (status) => tell("READY=1", statusLine(status)),
    status: (text) => tell(statusLine(text)),
    reloading: () => tell("RELOADING=1", `MONOTONIC_USEC=${monotonicUs()}`),
    stopping: () => tell("STOPPING=1"),
    beat() {
      const everyMs = beatEveryMs(env, pid);
      if (everyMs === null || send === null || timer !== null) return;
      // From the event loop: one that hangs goes silent.
      timer = setInterval(() => send("WATCHDOG=1", false), everyMs).unref();
    },
  };
}

/** Half of the time after which the manager believes that we hang; null: it does not watch, or watches another process. */
export function beatEveryMs(env: Environment, pid: number): number | null {
  const us = Number(env.WATCHDOG_USEC);
  if (!Number.isSafeInteger(us) || us <= 0) return null;
  if (env.WATCHDOG_PID && Number(env.WATCHDOG_PID) !== pid) return null;
  return Math.max(1, Math.floor(us / 2000));
}

function statusLine(text: string): string {
  return `STATUS=${text.replaceAll("\n", " ")}`;
}

/** The clock of systemd.unit(5)'s reload, in microseconds; Bun's own clocks begin with the process. 0 where it cannot be asked. */
function monotonicUs(): bigint {
  const calls = openCalls({ clock_gettime: { args: ["i32", "buffer"], returns: "i32" } });
  const timespec = new BigInt64Array(2); // Seconds, nanoseconds.
  if (calls?.clock_gettime(CLOCK_MONOTONIC, timespec) !== 0) return 0n;
  const [seconds = 0n, nanoseconds = 0n] = timespec;
  return seconds * 1_000_000n + nanoseconds / 1000n;
}

/** Sends datagrams to a socket: a path, or with "@" an abstract name. Null: that is no such name, or not to be had here. */
function sender(name: string): ((text: string, waits: boolean) => void) | null {
  const calls =
    process.platform !== "linux" || !/^[/@]./.test(name)
      ? null
      : openCalls({
          socket: { args: ["i32", "i32", "i32"], returns: "i32" },
          sendto: { args: ["i32", "buffer", "u64", "i32", "buffer", "u32"], returns: "i64" },
        });
  const bytes = new TextEncoder().encode(name);
  if (calls === null || bytes.length >= SUN_PATH_BYTES) return null;
  if (bytes[0] === "@".charCodeAt(0)) bytes[0] = 0;
  // struct sockaddr_un: the family in the machine's order (little endian), then the name. An abstract name has no end of its own.
  const address = new Uint8Array(2 + bytes.length + (bytes[0] === 0 ? 0 : 1));
  address[0] = AF_UNIX;
  address.set(bytes, 2);
  const fd = calls.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return null;
  return (text, waits) => {
    const datagram = new TextEncoder().encode(text);
    // A change of state must arrive, as libsystemd sends it; after a beat comes another one.
    calls.sendto(
      fd,
      datagram,
      datagram.length,
      waits ? MSG_NOSIGNAL : MSG_NOSIGNAL | MSG_DONTWAIT,
      address,
      address.length,
    );
  };
}

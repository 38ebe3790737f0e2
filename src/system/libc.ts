// The few calls of the C library that Bun has no name for, through bun:ffi. Each set of symbols is opened at its first use,
// so a program pays for what it calls.
//
// The library is named as below and no other way: where the loader does not know a bare name, Bun tries it as a file in
// the working directory, which is somebody's repository. "libc.so.6" is the one glibc has loaded already; musl takes every
// name that begins with "libc." for itself (ldso/dynlink.c, load_library). macOS: not run here.
import { dlopen, type FFIFunction, read } from "bun:ffi";

const IS_MAC = process.platform === "darwin";
const LIBRARY = IS_MAC ? "/usr/lib/libSystem.B.dylib" : "libc.so.6";

// <poll.h>, <sys/file.h>, <fcntl.h>: the same on Linux and macOS, but for EWOULDBLOCK. F_FULLFSYNC is macOS's alone.
const POLLIN = 1;
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
const ESRCH = 3;
const PRIO_PGRP = 1;
const EWOULDBLOCK = IS_MAC ? 35 : 11;
const F_FULLFSYNC = 51;

/** Functions of the C library by their signatures; null where they cannot be called here. */
export function openCalls<Calls extends Record<string, FFIFunction>>(calls: Calls) {
  try {
    return dlopen(LIBRARY, calls).symbols;
  } catch {
    return null;
  }
}

const waiting = once(() =>
  openCalls({
    poll: { args: ["buffer", "u64", "i32"], returns: "i32" },
    isatty: { args: ["i32"], returns: "i32" },
  }),
);

/** Waits up to `timeoutMs` until a read of `fd` would not block: bytes, the end or an error. False: nothing came. */
export type Poll = (fd: number, timeoutMs: number) => boolean;

/** poll(2), or null where it cannot be called: then only blocking reads are left. */
export function openPoll(): Poll | null {
  const calls = waiting();
  if (calls === null) return null;
  // struct pollfd: int fd, short events, short revents (little endian).
  const fds = new Int32Array(2);
  return (fd, timeoutMs) => {
    fds[0] = fd;
    fds[1] = POLLIN;
    // -1 is a signal: then nothing came yet.
    return calls.poll(fds, 1, Math.max(0, Math.ceil(timeoutMs))) > 0;
  };
}

/** Whether `fd` is a terminal; false where that cannot be asked. */
export function isTerminal(fd: number): boolean {
  return waiting()?.isatty(fd) === 1;
}

/** Takes the exclusive lock of an open file, without waiting. False: somebody holds it. The system frees it with the process. */
export function lockExclusive(fd: number): boolean {
  return flock(fd, LOCK_EX | LOCK_NB);
}

/** Takes a shared lock of an open file, without waiting. False: somebody holds it exclusively. */
export function lockShared(fd: number): boolean {
  return flock(fd, LOCK_SH | LOCK_NB);
}

/** Gives a lock back. */
export function unlock(fd: number): void {
  flock(fd, LOCK_UN);
}

const signalling = once(() => openCalls({ kill: { args: ["i32", "i32"], returns: "i32" } }));

/** Whether a process group has a member, one that only waits to be collected counts too; null where that cannot be asked. */
export function isGroupThere(group: number): boolean | null {
  const calls = signalling();
  if (calls === null || errnoPlace() === null) return null;
  // Somebody else's is there too (EPERM). Asked here and not by process.kill: mostly there is none, and its error takes as long as ten calls.
  return calls.kill(-group, 0) === 0 || lastErrno() !== ESRCH;
}

const prioritizing = once(() => openCalls({ setpriority: { args: ["i32", "u32", "i32"], returns: "i32" } }));

/** Sets the nice value of a whole process group (setpriority(2)). False where that was refused, or cannot be asked for. */
export function setGroupPriority(group: number, nice: number): boolean {
  return prioritizing()?.setpriority(PRIO_PGRP, group, nice) === 0;
}

/** Flushes a file through the drive's own cache (macOS F_FULLFSYNC, 5 to 18 ms). False where that is not to be had. */
export function fullSync(fd: number): boolean {
  if (!IS_MAC) return false;
  return openCalls({ fcntl: { args: ["i32", "i32"], returns: "i32" } })?.fcntl(fd, F_FULLFSYNC) === 0;
}

const locking = once(() => {
  const flock = { args: ["i32", "i32"], returns: "i32" } as const;
  const calls = openCalls({ flock });
  // Opened before it is asked: opening is a call too.
  return calls === null || errnoPlace() === null ? null : calls;
});

/** flock(2). Throws where the file system has no locks or the library cannot be called: a daemon must not run unlocked. */
function flock(fd: number, operation: number): boolean {
  const calls = locking();
  if (calls === null) throw new Error(`flock cannot be called: ${LIBRARY} does not open`);
  if (calls.flock(fd, operation) === 0) return true;
  const errno = lastErrno();
  if (errno === EWOULDBLOCK) return false;
  throw new Error(`flock failed with errno ${errno}: this file system may have no locks`);
}

const errnoPlace = once(() => {
  const errno = { args: [], returns: "ptr" } as const;
  return IS_MAC ? openCalls({ __error: errno }) : openCalls({ __errno_location: errno });
});

/** Why the last call of this thread failed, as errno.h counts; 0 where that cannot be asked. To be asked before anything else is. */
export function lastErrno(): number {
  const calls = errnoPlace();
  if (calls === null) return 0;
  const address = "__error" in calls ? calls.__error() : calls.__errno_location();
  return address === null ? 0 : read.i32(address, 0);
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

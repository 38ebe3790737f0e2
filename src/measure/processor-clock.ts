// The processor time of another process, to the nanosecond: /proc tells it in steps of 10 ms, which is a third of what some
// hundred deliveries take. Linux alone.
import { dlopen, FFIType } from "bun:ffi";

/** Gives the processor time that a process has used since its start, all its threads, in ms. */
export type ProcessorClock = (pid: number) => number;

/** The clock, or null where the system has none of another process. */
export function openProcessorClock(): ProcessorClock | null {
  if (process.platform !== "linux") return null;
  const { clock_getcpuclockid, clock_gettime } = dlopen("libc.so.6", {
    clock_getcpuclockid: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
    clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  }).symbols;
  const clock = new Int32Array(1);
  // struct timespec: seconds, nanoseconds.
  const time = new BigInt64Array(2);
  return (pid) => {
    if (clock_getcpuclockid(pid, clock) !== 0 || clock_gettime(clock[0] ?? 0, time) !== 0)
      throw new Error(`no processor clock of process ${pid}`);
    return Number(time[0] ?? 0n) * 1000 + Number(time[1] ?? 0n) / 1e6;
  };
}

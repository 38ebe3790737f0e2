// Publishes one event after the other in one process, through the hot half of the spool itself: thousands a second, so that much
// comes while a directory is listed. Arguments: the home, a name, and a file whose being there ends it. Says at its end, a line
// each: the event's name, and the microseconds at which its publishing began and had ended.
//
// Ids are made of the same clock as these times, so that events less than a millisecond apart are in order too: RFC 9562 lets
// the 12 bits after the version hold a fraction of the millisecond. (One publish takes longer than that; this takes 0.1 ms.)
import { existsSync } from "node:fs";
import { append } from "../../src/spool/append.ts";
import { openCalls } from "../../src/system/libc.ts";

const CLOCK_REALTIME = 0;

const [home = "", name = "", stop = ""] = process.argv.slice(2);
const calls = openCalls({ clock_gettime: { args: ["i32", "buffer"], returns: "i32" } });
const timespec = new BigInt64Array(2);
const body = new TextEncoder().encode('{"hook_event_name":"Stop"}\n');
const told: string[] = [];
const pause = new Int32Array(new SharedArrayBuffer(4));

for (let number = 0; number % 16 !== 0 || !existsSync(stop); number++) {
  const event = `${name}-${number}`;
  const beganUs = nowUs();
  const id = idAt(beganUs);
  const time = new Date(beganUs / 1000).toISOString();
  const env = { CLAUDE_CODE_SESSION_ID: event };
  append(home, { v: 1, id, time, pid: process.pid, args: [], env, size: body.length, flags: [] }, body, "process");
  told.push(`${event} ${beganUs} ${nowUs()}`);
  Atomics.wait(pause, 0, 0, 0.2);
}
console.log(told.join("\n"));

/** The clock of all processes, to the microsecond: process.hrtime and performance.now begin anew in each. */
function nowUs(): number {
  if (calls?.clock_gettime(CLOCK_REALTIME, timespec) !== 0) throw new Error("clock_gettime cannot be called");
  const [seconds = 0n, ns = 0n] = timespec;
  return Number(seconds * 1_000_000n + ns / 1000n);
}

/** A UUIDv7 of a moment, to a quarter of a microsecond and the rest by chance. */
function idAt(us: number): string {
  const time = Math.floor(us / 1000)
    .toString(16)
    .padStart(12, "0");
  const fraction = Math.floor(((us % 1000) / 1000) * 4096);
  const tail = Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString("hex");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${fraction.toString(16).padStart(3, "0")}-8${tail.slice(1, 4)}-${tail.slice(4)}`;
}

// What `publish` promises of a power cut rests on the order of four system calls; here they are watched.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, makeScratch, plainEnv } from "./binary.ts";

const scratch = makeScratch();
const STRACE = Bun.which("strace");
const withReason = (name: string) => (STRACE === null ? `${name} (reason: strace is not here)` : name);

/** The calls of one publish that concern the spool, in order, as "call path". */
async function callsOf(args: string[]): Promise<string[]> {
  const home = scratch.home();
  const trace = join(scratch.directory("trace"), "calls");
  const watched = "--trace=fsync,fdatasync,rename,renameat,renameat2";
  const child = Bun.spawn([STRACE ?? "", "-f", "-y", "-o", trace, watched, BINARY, "publish", ...args], {
    env: plainEnv(home),
    stdin: Buffer.from('{"hook_event_name":"Stop"}\n'),
    stdout: "ignore",
    stderr: "pipe",
  });
  const stderr = await child.stderr.text();
  expect([await child.exited, stderr]).toEqual([0, ""]);
  return readFileSync(trace, "utf8")
    .split("\n")
    .flatMap((line) => {
      const call = /^\d+\s+(fsync|fdatasync|rename\w*)\((.*)\)\s+= 0/.exec(line);
      const place = /spool\/(tmp|new)(\/|>|")/.exec(call?.[2] ?? "")?.[1];
      return call === null || place === undefined ? [] : [`${call[1]?.replace(/at2?$/, "")} ${place}`];
    });
}

test.skipIf(STRACE === null)(
  withReason("an event's bytes are on the disk before its name, and its name before publish ends"),
  async () => {
    const calls = await callsOf([]);
    // A new home's directories are synced first; the last three are the event's.
    expect(calls.slice(-3)).toEqual(["fsync tmp", "rename tmp", "fsync new"]);
  },
);

test.skipIf(STRACE === null)(withReason("with --durability process nothing of the event is synced"), async () => {
  expect((await callsOf(["--durability", "process"])).slice(-1)).toEqual(["rename tmp"]);
});

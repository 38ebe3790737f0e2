// Crash points are comments: what is shipped has no code for them, and no switch. What the test build has is shown beside it.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { BINARY, makeScratch } from "./binary.ts";
import {
  CRASH_POINT,
  crashAt,
  crashCode,
  DAEMON_POINTS,
  marksInSource,
  PUBLISHER_POINTS,
} from "./torture/crash-code.ts";
import { publisherEnv } from "./torture/publisher.ts";
import { namesIn } from "./torture/spool-check.ts";
import { makeVariant } from "./torture/variant.ts";

const NAMES = [...PUBLISHER_POINTS, ...DAEMON_POINTS].sort();
const scratch = makeScratch();

/** How often each of the texts is in a binary. */
function timesIn(path: string, ...texts: string[]): number[] {
  const bytes = readFileSync(path);
  return texts.map((text) => {
    let times = 0;
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) times++;
    return times;
  });
}

/** What a publish with this environment leaves in the spool's directories, and how it ended. */
async function publishWith(binary: string, env: Record<string, string>) {
  const home = scratch.home();
  const child = Bun.spawn([binary, "publish"], {
    env: { ...publisherEnv(home, "one"), HOME: scratch.root, ...env },
    cwd: scratch.root,
    stdin: Buffer.from('{"hook_event_name":"Stop"}\n'),
  });
  await child.exited;
  const { exitCode, signalCode } = child;
  return { exitCode, signal: signalCode, tmp: namesIn(home, "tmp").length, stored: namesIn(home, "new").length };
}

test("each of the sixteen points is marked in src exactly once", () => {
  expect(
    marksInSource()
      .map(({ point }) => point)
      .sort(),
  ).toEqual(NAMES);
  expect(NAMES).toHaveLength(16);
});

describe("a crash point", () => {
  const wanted = { ...crashAt("before-rename", 1) };

  test("is nothing to the binary that is shipped: it has neither the names nor the variable", async () => {
    expect(timesIn(BINARY, CRASH_POINT, "crash point:", ...NAMES)).toEqual([0, 0, ...NAMES.map(() => 0)]);
    expect(await publishWith(BINARY, wanted)).toEqual({ exitCode: 0, signal: null, tmp: 0, stored: 1 });
  });

  test("ends a test build, which has both", async () => {
    const replacements = crashCode();
    const binary = await makeVariant({ name: "crash-points", replacements, place: scratch.directory("build") });
    for (const times of timesIn(binary, CRASH_POINT, ...NAMES)) expect(times).toBeGreaterThan(0);
    expect(await publishWith(binary, wanted)).toEqual({ exitCode: null, signal: "SIGKILL", tmp: 1, stored: 0 });
    expect(await publishWith(binary, {})).toEqual({ exitCode: 0, signal: null, tmp: 0, stored: 1 });
  });
});

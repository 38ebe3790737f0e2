// Power cuts: a disk image copied while publishers write to it, mounted again with its journal replayed. What exited 0 before the
// cut is there, whole; nothing that is visible is torn. The work is in power-cuts.ts, in a mount namespace of its own.
import { join } from "node:path";
import { missingDisk, OWN_MOUNTS } from "../disk-image.ts";
import type { CutsAsked } from "../power-cuts.ts";
import type { Context, Row, Seen } from "../row.ts";

async function cut({ binary, place, cases, dice, say, undo, signal }: Context, words: string[]): Promise<Seen> {
  const asked: CutsAsked = { binary, place, seed: String(dice.below(2 ** 32)), images: cases, words };
  const inside = join(import.meta.dir, "..", "power-cuts.ts");
  const child = Bun.spawn([...OWN_MOUNTS, process.execPath, "--no-env-file", inside, JSON.stringify(asked)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  undo(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
  signal.addEventListener("abort", () => child.kill("SIGTERM"));
  const stderr = child.stderr.text();
  let seen: Seen | null = null;
  let rest = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const told = JSON.parse(line);
      if (told.say !== undefined) say(told.say);
      else seen = told.seen;
    }
  }
  const exitCode = await child.exited;
  if (seen === null || exitCode !== 0) throw new Error(`the inside ended with ${exitCode}: ${await stderr}`);
  return seen;
}

export const row: Row = {
  name: "power-cut",
  title: "disk images of ext4 under publishers, 4 power cuts each, journal replayed",
  must: "0 acknowledged lost at durability power, 0 visible corrupt",
  cases: 3,
  missing: missingDisk,
  run: (context) => cut(context, []),
  control: {
    title: "disk image under publishers with --durability process",
    cases: 1,
    run: (context) => cut(context, ["--durability", "process"]),
  },
};

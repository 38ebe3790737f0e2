// For tests of what the benchmark measures: a scratch directory with what a measurement is given, and a script in the place of
// offhook that does something wrong first.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Means, Step } from "../src/measure/means.ts";
import { makeScratch } from "../src/measure/scratch.ts";
import { BINARY } from "./binary.ts";

const recorded = readFileSync(new URL("./fixtures/claude-code-2.1.329.jsonl", import.meta.url), "utf8");

/** A script of the shell that runs where offhook ($REAL) is called with a command, before it; $N is the number of the call, from 1. */
export type Planted = { command: "publish" | "consume"; script: string };

/** `steps` are what progress was told so far, `directory` is a planted script's own ($D). */
export type Bench = { means: Means; steps: Step[]; directory: string };

/** Measures something, with a planted script or nothing in the way. Nothing is left afterwards. */
export async function inBench<T>(planted: Planted | null, measure: (bench: Bench) => Promise<T>): Promise<T> {
  const scratch = makeScratch();
  const steps: Step[] = [];
  const directory = join(scratch.path, "planted");
  try {
    mkdirSync(directory);
    const offhook = planted === null ? BINARY : plant(planted, directory);
    const means: Means = { offhook, scratch, recorded, progress: (step) => steps.push(step) };
    return await measure({ means, steps, directory });
  } finally {
    scratch.end();
  }
}

function plant({ command, script }: Planted, directory: string): string {
  const path = join(directory, "offhook");
  const text = `#!/bin/sh
REAL='${BINARY}' D='${directory}' N=1
if [ "$1" = ${command} ]; then
  while ! mkdir "$D/call-$N" 2>/dev/null; do N=$((N + 1)); done
  ${script}
fi
exec "$REAL" "$@"
`;
  writeFileSync(path, text, { mode: 0o700 });
  return path;
}

// Many publishers at once, through the built binary and a real daemon: what is counted, by id and from both sides. Losses are planted
// by a script that stands before the binary.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LOAD, type LoadPlan, measureLoad, QUICK_LOAD } from "../src/bench/load.ts";
import type { Step } from "../src/measure/means.ts";
import { makeScratch, type Scratch } from "../src/measure/scratch.ts";
import type { LoadCell } from "../src/report/shape.ts";
import { BINARY } from "./binary.ts";

const PATIENCE_MS = 60_000;
const recorded = readFileSync(new URL("./fixtures/claude-code-2.1.329.jsonl", import.meta.url), "utf8");
/** One publisher, six events in each of two turns, however long they take. */
const SMALL: LoadPlan = {
  ...LOAD,
  publishers: [1],
  payloadBytes: [997],
  turns: 2,
  cellMs: PATIENCE_MS,
  mostEvents: 6,
  settleLimitMs: 20_000,
  limitMs: PATIENCE_MS,
};

let scratch: Scratch;
let steps: Step[];
beforeEach(() => {
  scratch = makeScratch();
  steps = [];
});
afterEach(() => {
  expect(scratch.pids()).toEqual([]);
  scratch.end();
  expect(existsSync(scratch.path)).toBe(false);
});

function measure(plan: Partial<LoadPlan> = {}, offhook = BINARY): Promise<LoadCell[]> {
  const means = { offhook, scratch, recorded, progress: (step: Step) => void steps.push(step) };
  return measureLoad({ ...SMALL, ...plan }, means);
}

/** Stands before the binary: `text` sees each payload of publish in $payload, its number in $number, and may end. */
function planted(text: string): string {
  const path = join(scratch.path, "planted");
  const lines = [
    `[ "$1" = publish ] || exec "${BINARY}" "$@"`,
    "payload=$(cat)",
    'number=${payload#*toolu_}; number=${number%%\\"*}; number=${number##*0000}',
    text,
    `printf '%s\\n' "$payload" | "${BINARY}" publish`,
  ];
  writeFileSync(path, `#!/bin/sh\n${lines.join("\n")}\n`, { mode: 0o700 });
  return path;
}

const countsOf = ({ acknowledged, arrived, missing, foreign, refused }: LoadCell) => {
  return { acknowledged, arrived, missing, foreign, refused };
};

test(
  "each cell is measured in each turn, and every acknowledged event is in the stream, by its id",
  async () => {
    const cells = await measure({ publishers: [1, 3], payloadBytes: [997, 20_011, 700_001], turns: 2 });
    expect(cells.map(({ publishers, payloadBytes }) => [publishers, payloadBytes])).toEqual([
      [1, 997],
      [3, 997],
      [1, 20_011],
      [3, 20_011],
      [1, 700_001],
      [3, 700_001],
    ]);
    for (const cell of cells) {
      // Three at once see that six have begun when eight have, at most.
      expect(cell.acknowledged).toBeGreaterThanOrEqual(12);
      expect(cell.acknowledged).toBeLessThanOrEqual(cell.publishers === 1 ? 12 : 16);
      expect(countsOf(cell)).toEqual({
        acknowledged: cell.acknowledged,
        arrived: cell.acknowledged,
        missing: 0,
        foreign: 0,
        refused: 0,
      });
      expect(cell.times.runs).toBe(cell.acknowledged);
      expect(cell.perSecond.turns).toHaveLength(2);
      expect(cell.perSecond.least).toBeGreaterThan(0);
    }
    expect(steps.map(({ done }) => done)).toEqual(Array.from({ length: 12 }, (_, index) => index));
    expect(steps.every(({ part, of }) => part === "load" && of === 12)).toBe(true);
  },
  PATIENCE_MS,
);

test(
  "every publisher publishes once, even where the bytes or the time allow none",
  async () => {
    for (const bound of [{ mostBytes: 1 }, { cellMs: 0 }]) {
      const [cell] = await measure({ ...bound, publishers: [5], turns: 1 });
      expect(countsOf(cell as LoadCell)).toEqual({ acknowledged: 5, arrived: 5, missing: 0, foreign: 0, refused: 0 });
    }
  },
  PATIENCE_MS,
);

test(
  "an event that was acknowledged and never stored is missing",
  async () => {
    const [cell] = await measure({}, planted('[ "$number" = 3 ] && exit 0'));
    expect(countsOf(cell as LoadCell)).toEqual({ acknowledged: 12, arrived: 11, missing: 1, foreign: 0, refused: 0 });
  },
  PATIENCE_MS,
);

test(
  "an event that nobody published, or that is there once more, is foreign",
  async () => {
    const other = `[ "$number" = 2 ] && "${BINARY}" publish --type something.else --data '{}'`;
    // With another session it is no double firing, which the daemon would mark.
    const again = `[ "$number" = 9 ] && printf '%s\\n' "$payload" | sed 's/"session_id":"/&x/' | "${BINARY}" publish`;
    const [cell] = await measure({}, planted(`${other}\n${again}`));
    expect(countsOf(cell as LoadCell)).toEqual({ acknowledged: 12, arrived: 12, missing: 0, foreign: 2, refused: 0 });
  },
  PATIENCE_MS,
);

test(
  "a publish that fails is refused: not in the times, not missing, and not foreign where it was stored all the same",
  async () => {
    const stored = `printf '%s\\n' "$payload" | "${BINARY}" publish`;
    const [cell] = await measure({}, planted(`case $number in 4) exit 1 ;; 8) ${stored}; exit 1 ;; esac`));
    expect(countsOf(cell as LoadCell)).toEqual({ acknowledged: 10, arrived: 10, missing: 0, foreign: 0, refused: 2 });
    expect(cell?.times.runs).toBe(10);
  },
  PATIENCE_MS,
);

test(
  "a publish that takes only the beginning of its event is refused, and what it stored of it is not foreign",
  async () => {
    const path = join(scratch.path, "planted");
    // The second process of the second payload: a marker file tells which one it is.
    const text = `[ "$1" = publish ] || exec "${BINARY}" "$@"
      echo >>"${scratch.path}/ran"
      [ "$(wc -l <"${scratch.path}/ran")" -eq 2 ] || exec "${BINARY}" publish
      head -c 1000 | "${BINARY}" publish`;
    writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o700 });
    const [cell] = await measure({ payloadBytes: [5_000_011], mostBytes: 20_000_044, turns: 1 }, path);
    expect(countsOf(cell as LoadCell)).toEqual({ acknowledged: 3, arrived: 3, missing: 0, foreign: 0, refused: 1 });
  },
  PATIENCE_MS,
);

test(
  "a cell of which nothing was acknowledged is an error with what publish said",
  async () => {
    const refusing = planted("echo no room >&2; exit 1");
    await expect(measure({ turns: 1 }, refusing)).rejects.toThrow(
      "of 6 publishes of 997 bytes, 1 at once, none was acknowledged: 1: no room",
    );
  },
  PATIENCE_MS,
);

test(
  "no home of a turn is left, and no process",
  async () => {
    await measure({ turns: 2, mostEvents: 1 });
    expect(readdirSync(scratch.path).filter((name) => !/\.(log|err)$/.test(name))).toEqual([]);
  },
  PATIENCE_MS,
);

test("the plans keep to what a run may take", () => {
  for (const plan of [LOAD, QUICK_LOAD]) {
    expect(plan.turns).toBeGreaterThanOrEqual(2);
    // Of what a cell writes in a turn the daemon takes in tens of MB in a second.
    expect(plan.mostBytes).toBeLessThanOrEqual(100_000_000);
  }
  expect(LOAD.publishers).toEqual([1, 4, 16, 64]);
  expect(LOAD.payloadBytes).toHaveLength(4);
});

// Settings files made by chance, in any white space that JSON allows, with or without older forms of ours, through several merges:
// what comes out without our hooks is byte for byte what went in.
import { expect, test } from "bun:test";
import { type HookForm, isOurs } from "../src/claude/command.ts";
import { HOOK_EVENTS } from "../src/claude/hook-events.ts";
import { merged, without } from "../src/claude/merge.ts";
import { parseSettingsText } from "../src/claude/settings-text.ts";
import type { WantedHook } from "../src/claude/wanted.ts";
import { foreignPart, ownPart } from "./settings-oracle.ts";
import { type Dice, makeDice } from "./torture/dice.ts";

const ROUNDS = 1_500;
const SEED = process.env.OFFHOOK_SEED ?? String(Math.floor(Math.random() * 2 ** 32));
const EVENTS = ["PreToolUse", "PostToolUse", "Stop", "SessionEnd", "Notification", "SubagentStop"];
const FORMS: HookForm[] = [
  { kind: "exec", binary: "/home/u/.local/bin/offhook" },
  { kind: "exec", binary: "/opt/a b/offhook" },
  { kind: "shell", binary: "/home/o'neil/offhook" },
  { kind: "portable" },
];
const OLDER: unknown[] = [
  { type: "command", command: "/old/offhook publish", timeout: 10_000 },
  { type: "command", command: "offhook", args: ["publish"], async: true, once: false },
  { command: "exec '/x y/offhook' publish || true" },
];

/** A value with white space that nobody writes. */
function written(value: unknown, dice: Dice, isTidy: boolean, depth = 0): string {
  const newline = isTidy ? `\n${"  ".repeat(depth + 1)}` : "";
  const space = () => (isTidy ? "" : dice.pick(["", "", "", " ", "\n", "\r\n\t", "  "]));
  const wrap = (open: string, parts: string[], close: string) => {
    if (parts.length === 0) return `${open}${space()}${close}`;
    const end = isTidy ? `\n${"  ".repeat(depth)}` : space();
    return `${open}${parts.map((part) => newline + space() + part + space()).join(",")}${end}${close}`;
  };
  if (Array.isArray(value))
    return wrap(
      "[",
      value.map((one) => written(one, dice, isTidy, depth + 1)),
      "]",
    );
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const parts = Object.entries(value).map(
    ([key, one]) =>
      `${JSON.stringify(key)}${space()}:${isTidy ? " " : space()}${written(one, dice, isTidy, depth + 1)}`,
  );
  return wrap("{", parts, "}");
}

function anyValue(dice: Dice, depth = 0): unknown {
  const kind = dice.below(depth > 2 ? 5 : 7);
  if (kind === 5) return Array.from({ length: dice.below(4) }, () => anyValue(dice, depth + 1));
  if (kind === 6)
    return Object.fromEntries(Array.from({ length: dice.below(4) }, (_, at) => [`k${at}`, anyValue(dice, depth + 1)]));
  return [null, true, dice.below(1e6) / 8, 'te"xt\\ [{,:}] \u{1F600}', ""][kind];
}

function anyGroup(dice: Dice, older: boolean): unknown {
  const entry = () =>
    older && dice.chance(0.4) ? dice.pick(OLDER) : { type: "command", command: `tool ${dice.below(9)}`, timeout: 3 };
  const hooks = Array.from({ length: dice.below(4) }, entry);
  const group = dice.chance(0.5) ? { hooks } : { matcher: dice.pick(["", "*", "Edit|Write", "Bash"]), hooks };
  return dice.chance(0.1) ? { ...group, note: anyValue(dice) } : group;
}

function anySettings(dice: Dice, older: boolean): string {
  const settings: [string, unknown][] = Array.from({ length: dice.below(5) }, (_, at) => [`key${at}`, anyValue(dice)]);
  if (dice.chance(0.8)) {
    const events = dice.shuffled([...EVENTS, "PreCompact", "unknown"]).slice(0, dice.below(6));
    const hooks = events.map((event) => [event, Array.from({ length: dice.below(4) }, () => anyGroup(dice, older))]);
    settings.splice(dice.below(settings.length + 1), 0, ["hooks", Object.fromEntries(hooks)]);
  }
  const body = written(Object.fromEntries(settings), dice, dice.chance(0.4));
  return (
    dice.pick(["", "", "\uFEFF"]) + dice.pick(["", "", "\n", " \r\n"]) + body + dice.pick(["", "\n", "\r\n", "\n\n "])
  );
}

function anyWanted(dice: Dice): WantedHook[] {
  return dice
    .shuffled(HOOK_EVENTS.filter(({ name }) => EVENTS.includes(name)))
    .slice(0, dice.below(EVENTS.length + 1))
    .map(({ name, hasTool }) => ({
      event: name,
      matcher: hasTool && dice.chance(0.5) ? dice.pick(["Edit|Write", "^(?:mcp__.*)$"]) : null,
      timeoutS: name === "SessionEnd" ? 2 : 5,
    }));
}

function play(dice: Dice, older: boolean): void {
  const text = anySettings(dice, older);
  const clean = without(text);
  if (clean.kind === "refused") throw new Error(`refused: ${clean.message}`);
  if (!older) expect(clean.text).toBe(text);
  let present = text;
  for (let merges = dice.between(1, 3); merges > 0; merges--) {
    const wanted = anyWanted(dice);
    const form = dice.pick(FORMS);
    const result = merged(present, wanted, form, text);
    if (result.kind === "refused") throw new Error(`refused: ${result.message}`);
    present = result.text;
    expect(foreignPart(present)).toBe(foreignPart(text));
    const hooks = ownPart(present).map(({ event, matcher }) => `${event} ${matcher}`);
    expect(hooks.sort()).toEqual(wanted.map(({ event, matcher }) => `${event} ${matcher}`).sort());
    expect(merged(present, wanted, form, text)).toMatchObject({ text: present });
    expect(result.changes.filter(({ kind }) => kind !== "removed")).toHaveLength(wanted.length);
  }
  const left = without(present, text);
  if (left.kind === "refused") throw new Error(`refused: ${left.message}`);
  expect(left.text).toBe(clean.text);
}

for (const older of [false, true]) {
  const what = older ? "older forms of ours in it: what is left is what is left of the first" : "nothing of ours in it";
  test(`${ROUNDS} settings by chance with ${what}, byte for byte`, () => {
    for (let round = 0; round < ROUNDS; round++) {
      try {
        play(makeDice(`${SEED}/${older}/${round}`), older);
      } catch (error) {
        throw new Error(`OFFHOOK_SEED=${SEED}, round ${round}: ${(error as Error).message}`, { cause: error });
      }
    }
    console.log(`settings by chance: OFFHOOK_SEED=${SEED}`);
  }, 120_000);
}

test("the makers make what they are meant to", () => {
  const dice = makeDice(SEED);
  const texts = Array.from({ length: 300 }, () => anySettings(dice, true));
  expect(texts.every((text) => parseSettingsText(text).kind === "ok")).toBe(true);
  expect(texts.filter((text) => text.includes("offhook")).length).toBeGreaterThan(50);
  expect(OLDER.every(isOurs)).toBe(true);
});

// What programs and mistakes send to a hook's stdin: one input for each throw of the dice. Half are payloads of the real Claude
// Code (test/fixtures) with some bytes changed.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Dice } from "./dice.ts";

const FIXTURES = join(import.meta.dir, "..", "fixtures", "claude-code-2.1.329.jsonl");
const PAYLOADS = readFileSync(FIXTURES, "utf8").trimEnd().split("\n");
const DEPTH = 100_000;

type Maker = (dice: Dice) => string | Uint8Array;

/** What is wrong with an input -> how it is made. */
const MAKERS: Record<string, Maker> = {
  nothing: () => "",
  "one byte": (dice) => dice.bytes(1),
  "random bytes": (dice) => dice.bytes(dice.between(2, 20_011)),
  "white space": (dice) =>
    Array.from({ length: dice.between(1, 99) }, () => dice.pick([" ", "\t", "\n", "\r"])).join(""),
  "no UTF-8 in a string": (dice) => {
    const bad = dice.pick([
      [0xff],
      [0xc0, 0xaf],
      [0xe2, 0x82],
      [0xf4, 0x90, 0x80, 0x80],
      [0x80],
      [0xf8, 0x88, 0x80, 0x80],
    ]);
    return Buffer.concat([Buffer.from('{"hook_event_name":"Stop","a":"'), Buffer.from(bad), Buffer.from('"}')]);
  },
  NUL: (dice) =>
    dice.pick(['{"a":"\0"}', "\0", '{"hook_event_name":"Stop"}\0', "\0\0{}", '{"a":1\0}', '{"a":"\\u0000"}']),
  "a byte order mark": (dice) =>
    dice.pick(["\ufeff{}", '\ufeff{"hook_event_name":"Stop"}\n', "\ufeff\ufeff{}", "{}\ufeff"]),
  "a lone surrogate": (dice) => {
    const raw = Buffer.from([0xed, dice.between(0xa0, 0xbf), dice.between(0x80, 0xbf)]);
    const escaped = dice.pick(['{"a":"\\ud800"}', '{"hook_event_name":"Stop","a":"\\udfff\\ud800"}', '{"\\udead":1}']);
    return dice.chance(0.5) ? escaped : Buffer.concat([Buffer.from('{"a":"'), raw, Buffer.from('"}')]);
  },
  "a depth of 100,000": (dice) => {
    const [open, close] = dice.pick([
      ["[", "]"],
      ['{"a":', "}"],
    ] as const);
    const inside = open.repeat(DEPTH) + (open === "[" ? "" : "1");
    return `{"hook_event_name":"Stop","deep":${inside}${dice.chance(0.7) ? `${close.repeat(DEPTH)}}` : ""}`;
  },
  "keys that are there twice": (dice) =>
    dice.pick(['{"a":1,"a":2}', '{"hook_event_name":"Stop","hook_event_name":"PreToolUse"}', '{"cwd":"/a","cwd":7}']),
  "keys of objects' own": (dice) =>
    `{"hook_event_name":"Stop","${dice.pick(["__proto__", "constructor", "toString", "", "data"])}":{"x":${dice.below(99)}}}`,
  "numbers that do not fit": (dice) =>
    `{"hook_event_name":"Stop","n":${dice.pick(["1e400", "-1e400", "9007199254740993", "-0", "1E-999", "0.1e1", "1".repeat(400)])}}`,
  "no object": (dice) =>
    dice.pick(['"text"', "1", "null", "true", "[]", "[{}]", "-", "NaN", "undefined", "'a'", "hello\n"]),
  "values of other kinds": (dice) => {
    const value = dice.pick(["null", "1", "[]", "{}", '""', "true", '"x"', '"\\u0000"', `"${"y".repeat(300)}"`]);
    const field = dice.pick([
      "hook_event_name",
      "session_id",
      "cwd",
      "tool_name",
      "tool_input",
      "tool_use_id",
      "agent_id",
    ]);
    return payload(dice).replace(/^\{/, `{"${field}":${value},`).replace(/\}$/, `,"${field}":${value}}`);
  },
  "a payload that ends early": (dice) => {
    const bytes = Buffer.from(payload(dice));
    return bytes.subarray(0, dice.below(bytes.length));
  },
  "several objects": (dice) =>
    Array.from({ length: dice.between(2, 5) }, () => payload(dice)).join(dice.pick(["", "\n", " ", ",", "\r\n"])),
  "other ends of lines": (dice) => {
    const end = dice.pick(["\r\n", "\n\n", "\r", "\u2028", "\u2029", "\u0085", "\v", "\n \n"]);
    return dice.chance(0.5) ? `${payload(dice)}${end}` : `${end}${payload(dice).replaceAll(",", `,${end}`)}${end}`;
  },
  "a long string": (dice) =>
    `{"hook_event_name":"Stop","a":"${dice.pick(["x", "\u00e9", "\ud83d\ude00"]).repeat(dice.between(70_001, 300_007))}"}`,
};

/** A payload of Claude Code's, as it was recorded. */
export function payload(dice: Dice): string {
  return dice.pick(PAYLOADS);
}

/** An input and what is wrong with it. */
export function inputFrom(dice: Dice): { what: string; bytes: Uint8Array } {
  const what = dice.chance(0.5) ? "changed bytes" : dice.pick(Object.keys(MAKERS));
  const made = MAKERS[what]?.(dice) ?? changed(Buffer.from(payload(dice)), dice);
  return { what, bytes: typeof made === "string" ? Buffer.from(made) : made };
}

/** One to eight changes: a bit, a byte, a piece gone, twice, moved, or something new in between. */
function changed(original: Buffer, dice: Dice): Buffer {
  let bytes = Buffer.from(original);
  for (let left = dice.between(1, 8); left > 0 && bytes.length > 0; left--) {
    const at = dice.below(bytes.length);
    const end = Math.min(bytes.length, at + dice.between(1, 40));
    const piece = bytes.subarray(at, end);
    switch (dice.below(6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8));
        break;
      case 1:
        bytes[at] = dice.pick([0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d, 0x2c, 0x3a, 0x0a, 0x00, 0xff]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, end), piece, bytes.subarray(end)]);
        break;
      case 4:
        bytes = Buffer.concat([piece, bytes.subarray(0, at), bytes.subarray(end)]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), dice.bytes(dice.between(1, 9)), bytes.subarray(at)]);
    }
  }
  return bytes;
}

// What somebody else, a bad disk or a bad program puts into a spool, and what must become of it. The rule is read from the format
// alone (docs and DESIGN: a UUIDv7 as its name, line 1 a JSON header of version 1 that is whole and names the file, then the bytes),
// by code of its own.
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Dice } from "./dice.ts";
import { digestOf } from "./publisher.ts";

/**
 * event: it arrives, with these bytes. bad: it goes to spool/bad under this name, with these bytes (null: it is no plain file).
 * either: one of both. waits: it stays where it is. nobody's: it is in tmp/ or bad/ already.
 */
export type Fate =
  | { kind: "event"; id: string; digest: string }
  | { kind: "bad"; name: string; digest: string | null }
  | { kind: "either"; id: string; digest: string; whole: string }
  | { kind: "waits"; id: string }
  | { kind: "nobody's" };

export type Place = {
  home: string;
  /** A directory on the same disk, where things are made before they are put into place whole. */
  stage: string;
  /** A file outside the home that links lead to. */
  precious: string;
  dice: Dice;
  /** The number of the damage: unique in its home. */
  number: number;
  /** Takes a real event that `publish` wrote and nobody has taken in: its id and its file's bytes. */
  whole(): { id: string; bytes: Buffer };
};

export type Damage = { what: string; plant(place: Place): Fate[] };

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** What must become of a plain file of this name with these bytes in spool/new. */
export function fateOf(name: string, bytes: Buffer): Fate {
  const bad: Fate = { kind: "bad", name, digest: digestOf(bytes) };
  const end = bytes.indexOf(10);
  if (!ID.test(name) || end < 0) return bad;
  let header: any;
  try {
    header = JSON.parse(bytes.toString("utf8", 0, end));
  } catch {
    return bad;
  }
  if (header === null || typeof header !== "object" || !Number.isInteger(header.v) || header.v < 1) return bad;
  if (!bytes.subarray(0, end).toString().startsWith(`{"v":${header.v},`)) return bad;
  if (header.v > 1) return { kind: "waits", id: name };
  if (header.id !== name) return bad;
  const body = digestOf(bytes.subarray(end + 1));
  const isText = (value: unknown) => typeof value === "string";
  const isObject = typeof header.env === "object" && header.env !== null && !Array.isArray(header.env);
  if (!isText(header.time) || !isObject || !Array.isArray(header.args) || !Array.isArray(header.flags))
    return { kind: "either", id: name, digest: body, whole: digestOf(bytes) };
  if (Number.isNaN(Date.parse(header.time)) || !header.args.every(isText)) return bad;
  if (![...Object.values(header.env), ...header.flags, header.cwd ?? ""].every(isText))
    return { kind: "either", id: name, digest: body, whole: digestOf(bytes) };
  return { kind: "event", id: name, digest: body };
}

/** Puts a file into spool/new, whole, as publish does it; gives what must become of it. */
export function put({ home, stage, number }: Place, name: string, bytes: Uint8Array): Fate[] {
  const staged = join(stage, `file-${number}`);
  writeFileSync(staged, bytes, { mode: 0o600 });
  renameSync(staged, join(home, "spool", "new", name));
  return [fateOf(name, Buffer.from(bytes))];
}

/** A damage of the file of a real event. */
function ofFile(what: string, change: (bytes: Buffer, dice: Dice) => Uint8Array): Damage {
  return {
    what,
    plant(place) {
      const { id, bytes } = place.whole();
      return put(place, id, change(bytes, place.dice));
    },
  };
}

/** A damage of the header of a real event, as JSON. */
function ofHeader(what: string, change: (header: Record<string, any>, dice: Dice) => unknown): Damage {
  return ofFile(what, (bytes, dice) => {
    const end = bytes.indexOf(10);
    const header = JSON.parse(bytes.toString("utf8", 0, end));
    return Buffer.concat([Buffer.from(`${JSON.stringify(change(header, dice))}\n`), bytes.subarray(end + 1)]);
  });
}

function flipped(bytes: Buffer, from: number, to: number, count: number, dice: Dice): Buffer {
  const changed = Buffer.from(bytes);
  for (let flip = 0; flip < count; flip++) {
    const at = dice.between(from, to - 1);
    changed[at] = (changed[at] ?? 0) ^ (1 << dice.below(8));
  }
  return changed;
}

/** What is done to the file of a real event. */
export const FILE_DAMAGES: readonly Damage[] = [
  ofFile("cut off anywhere", (bytes, dice) => bytes.subarray(0, dice.below(bytes.length))),
  ofFile("cut off in its header", (bytes, dice) => bytes.subarray(0, dice.below(bytes.indexOf(10) + 1))),
  ofFile("bits flipped anywhere", (bytes, dice) => flipped(bytes, 0, bytes.length, dice.between(1, 8), dice)),
  ofFile("bits flipped in its header", (bytes, dice) =>
    flipped(bytes, 0, bytes.indexOf(10) + 1, dice.between(1, 3), dice),
  ),
  ofFile("bits flipped in its body", (bytes, dice) =>
    flipped(bytes, bytes.indexOf(10) + 1, bytes.length, dice.between(1, 40), dice),
  ),
  ofFile("zeros from somewhere on", (bytes, dice) => Buffer.from(bytes).fill(0, dice.below(bytes.length))),
  ofFile("nothing but zeros", (bytes) => Buffer.alloc(bytes.length)),
  ofFile("empty", () => Buffer.alloc(0)),
  ofFile("there twice in one file", (bytes) => Buffer.concat([bytes, bytes])),
  ofFile("bytes behind its end", (bytes, dice) => Buffer.concat([bytes, dice.bytes(dice.between(1, 5000))])),
  ofFile("a header without end", (bytes, dice) =>
    Buffer.concat([bytes.subarray(0, 9), Buffer.alloc(dice.between(9, 3_000_001), "x")]),
  ),
  ofFile("brackets without end", () => Buffer.from(`${"[".repeat(100_001)}\n`)),
  ofHeader("a header of half a million bytes", (header) => ({ ...header, args: ["x".repeat(500_009)] })),
  ofHeader("of another version", (header, dice) => ({
    ...header,
    v: dice.pick([0, 2, 7, 1e9, "1", null, -1, 1.5, [1]]),
  })),
  ofHeader("without a version", ({ v, ...header }) => header),
  ofHeader("a header that is no object", (header, dice) => dice.pick<unknown>([null, 1, "text", [header], true])),
  ofHeader("another id in its header", (header) => ({ ...header, id: Bun.randomUUIDv7() })),
  ofHeader("a field of another kind", (header, dice) => ({
    ...header,
    [dice.pick(["time", "args", "env", "flags", "id"])]: dice.pick<unknown>([null, 5, {}, [], [{}], "", true]),
  })),
  ofHeader("a variable of another kind", (header, dice) => ({
    ...header,
    env: {
      [dice.pick(["CLAUDE_CODE_SESSION_ID", "CLAUDE_PROJECT_DIR", "OFFHOOK_DEPTH"])]: dice.pick<unknown>([
        null,
        5,
        {},
        [],
        true,
      ]),
    },
  })),
  ofHeader("a declared event of odd words", (header, dice) => ({
    ...header,
    args: dice.pick([["--type"], ["--type", ""], ["--type=a\u0000b"], ["--type", "x", "--subject", "\u001b[2J"]]),
    cwd: dice.pick<unknown>(["relative", "", "/nowhere", 5, null]),
  })),
  ofHeader("of an odd time", (header, dice) => ({
    ...header,
    time: dice.pick([
      "never",
      "9999-12-31T23:59:59.999Z",
      "1969-12-31T23:59:59Z",
      "2038-01-19T03:14:08Z",
      "0000-01-01T00:00:00Z",
    ]),
  })),
];

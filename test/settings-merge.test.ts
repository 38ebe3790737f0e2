// Our hooks into settings files and out again, on more than 300 texts: what others wrote is still there, or the text is left
// alone and the reason told.
import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { type HookForm, handlerOf } from "../src/claude/command.ts";
import { merged, without } from "../src/claude/merge.ts";
import type { WantedHook } from "../src/claude/wanted.ts";
import { hooksSchema, ownEntrySchema } from "./hooks-schema.ts";
import { generated, generatedWithOurs, handWritten, type Sample } from "./settings-corpus.ts";
import { foreignPart, lost, ownPart, sameAround, withGroups } from "./settings-oracle.ts";

const EXEC: HookForm = { kind: "exec", binary: "/home/u/.local/bin/offhook" };
const FORMS: HookForm[] = [EXEC, { kind: "shell", binary: "/home/o'neil/my bin/offhook" }, { kind: "portable" }];

const hook = (event: string, matcher: string | null = null): WantedHook => ({
  event,
  matcher,
  timeoutS: event === "SessionEnd" ? 2 : 5,
});
const WANTED: WantedHook[][] = [
  [],
  [hook("Stop")],
  [hook("PostToolUse", "Edit|Write"), hook("Stop"), hook("SessionEnd")],
  [hook("PreToolUse", "^(?:Bash|mcp__.*)$"), hook("PostToolUse"), hook("PostToolUseFailure"), hook("Notification")],
];

const groupOf = ({ matcher, timeoutS }: WantedHook, form: HookForm) => {
  const hooks = [handlerOf(form, timeoutS)];
  return matcher === null ? { hooks } : { matcher, hooks };
};

function mergedText(text: string | null, wanted: WantedHook[], form: HookForm = EXEC, before?: string | null): string {
  const result = merged(text, wanted, form, before);
  if (result.kind === "refused") throw new Error(`refused: ${JSON.stringify(result)}`);
  return result.text;
}

function textWithout(text: string, before?: string | null): string {
  const result = without(text, before);
  if (result.kind === "refused") throw new Error(`refused: ${JSON.stringify(result)}`);
  return result.text;
}

const everyWay = (check: (wanted: WantedHook[], form: HookForm) => void) => {
  for (const wanted of WANTED) for (const form of FORMS) check(wanted, form);
};

function parsed(text: string): unknown {
  return JSON.parse(text.replace(/^\uFEFF/, "").trim() || "{}");
}

function validHooks(text: string): unknown {
  const { hooks } = parsed(text) as { hooks?: unknown };
  return hooks === undefined || v.safeParse(hooksSchema, hooks).success;
}

/** What must hold of any text and what became of it. */
function expectWhole({ text }: Sample, after: string, wanted: WantedHook[], form: HookForm): void {
  expect(foreignPart(after)).toBe(foreignPart(text));
  const own = ownPart(after);
  expect(own.map(({ event }) => event).sort()).toEqual(wanted.map(({ event }) => event).sort());
  for (const { event, matcher, entry } of own) {
    expect(v.safeParse(ownEntrySchema, entry).success).toBe(true);
    const { matcher: wish, timeoutS } = wanted.find((one) => one.event === event)!;
    expect(matcher).toBe(wish);
    expect(entry).toMatchObject({ ...(entry as object), type: "command", timeout: timeoutS });
  }
  expect(mergedText(after, wanted, form)).toBe(after);
}

describe("texts without anything of ours", () => {
  const samples = [...handWritten(), ...generated()];

  test("are more than 240", () => {
    expect(samples.length).toBeGreaterThan(240);
  });

  for (const sample of samples) {
    test(`${sample.name}: all of it is there with our hooks, and again alone without them`, () => {
      const { text } = sample;
      const wasValid = validHooks(text);
      everyWay((wanted, form) => {
        const after = mergedText(text, wanted, form);
        expectWhole(sample, after, wanted, form);
        expect(lost(text, after)).toEqual([]);
        expect(JSON.stringify(parsed(after))).toBe(
          withGroups(
            text,
            wanted.map((one) => ({ event: one.event, group: groupOf(one, form) })),
          ),
        );
        if (wasValid) expect(validHooks(after)).toBe(true);
        if (wanted.length === 0) expect(after).toBe(text);
        expect(textWithout(after, text)).toBe(text);
      });
    });
  }
});

describe("texts in which something of ours stands already", () => {
  const samples = generatedWithOurs();

  test("are more than 100", () => {
    expect(samples.length).toBeGreaterThan(100);
  });

  for (const sample of samples) {
    test(`${sample.name}: ours is put right, everything else is as it was`, () => {
      const clean = textWithout(sample.text);
      expect(ownPart(clean)).toEqual([]);
      expect(clean).not.toContain("publish");
      everyWay((wanted, form) => {
        const after = mergedText(sample.text, wanted, form);
        expectWhole(sample, after, wanted, form);
        expect(lost(clean, after, true)).toEqual([]);
        expect(textWithout(after, sample.text)).toBe(clean);
      });
    });
  }
});

describe("style", () => {
  test("a file that is new is written as Claude Code writes it", () => {
    const text = mergedText(null, [hook("Stop")]);
    expect(text).toBe(`${JSON.stringify({ hooks: { Stop: [groupOf(hook("Stop"), EXEC)] } }, null, 2)}\n`);
  });

  for (const [name, indent, newline, end] of [
    ["two spaces", "  ", "\n", "\n"],
    ["seven spaces", "       ", "\n", ""],
    ["tabs and CRLF", "\t", "\r\n", "\r\n"],
    ["old line ends", "  ", "\r", "\r"],
    ["twelve spaces", "            ", "\n", "\n"],
  ] as const) {
    test(`a file in ${name} stays one`, () => {
      const indented = (value: unknown, depth = 0): string => {
        if (typeof value !== "object" || value === null) return JSON.stringify(value);
        const isList = Array.isArray(value);
        const inner = newline + indent.repeat(depth + 1);
        const parts = Object.entries(value).map(
          ([key, one]) => `${isList ? "" : `"${key}": `}${indented(one, depth + 1)}`,
        );
        const [open, close] = isList ? "[]" : "{}";
        return `${open}${inner}${parts.join(`,${inner}`)}${newline}${indent.repeat(depth)}${close}`;
      };
      const value = { model: "opus", hooks: { Stop: [{ hooks: [{ type: "command", command: "x" }] }] } };
      const wanted = [hook("Stop"), hook("PostToolUse", "Write")];
      const expected = structuredClone(value) as { hooks: Record<string, unknown[]> };
      for (const one of wanted) expected.hooks[one.event] = [...(expected.hooks[one.event] ?? []), groupOf(one, EXEC)];
      expect(mergedText(indented(value) + end, wanted)).toBe(indented(expected) + end);
    });
  }

  test("one line stays one line, with its habit of spaces", () => {
    const ours = (comma: string, colon: string) =>
      `"Stop"${colon}[{"hooks"${colon}[{"type"${colon}"command"${comma}"command"${colon}"${EXEC.kind === "exec" ? EXEC.binary : ""}"${comma}"args"${colon}["publish"]${comma}"timeout"${colon}5}]}]`;
    expect(mergedText('{"a":1,"b":[1,2]}', [hook("Stop")])).toBe(`{"a":1,"b":[1,2],"hooks":{${ours(",", ":")}}}`);
    expect(mergedText('{"a": 1, "b": 2}', [hook("Stop")])).toBe(`{"a": 1, "b": 2, "hooks": {${ours(", ", ": ")}}}`);
  });

  test("groups that stand on one line each get another line of that kind", () => {
    const { text } = handWritten().find(({ name }) => name === "dense-groups.json")!;
    const added = mergedText(text, [hook("PreToolUse", "Write")]).split("\n");
    expect(added[4]!.slice(0, -1)).toBe(text.split("\n")[4]!);
    expect(added[5]!).toStartWith('      { "matcher": "Write", "hooks": [{ "type": "command", "command":');
  });

  test("nothing but the new lines and a comma differs from a usual file", () => {
    const { text } = handWritten().find(({ name }) => name === "permissions.json")!;
    const after = mergedText(text, [hook("Stop")]);
    expect(sameAround(text, after)).toBe(text.length);
  });

  test("a byte order mark stays: Claude Code 2.1.329 reads such a file, and runs its hooks", () => {
    expect(mergedText("\uFEFF{}", [hook("Stop")])).toStartWith("\uFEFF{");
  });
});

describe("what of ours stands in a text", () => {
  const settings = (hooks: object) => JSON.stringify({ hooks }, null, 2);
  const ours = (more: object = {}) => ({
    type: "command",
    command: EXEC.kind === "exec" ? EXEC.binary : "",
    args: ["publish"],
    timeout: 5,
    ...more,
  });
  const other = { type: "command", command: "x" };
  const changesOf = (hooks: object, wanted: WantedHook[]) => {
    const result = merged(settings(hooks), wanted, EXEC);
    if (result.kind === "refused") throw new Error(result.message);
    return result.changes;
  };
  const hooksAfter = (hooks: object, wanted: WantedHook[]) => JSON.parse(mergedText(settings(hooks), wanted)).hooks;

  test("a timeout in milliseconds becomes seconds, and the change says what it was", () => {
    const [change] = changesOf({ Stop: [{ hooks: [ours({ timeout: 5000 })] }] }, [hook("Stop")]);
    expect(change).toEqual({ kind: "updated", event: "Stop", matcher: null, was: "timeout 5000" });
  });

  test("another binary, async, a condition and a block on failure go; a text for the spinner stays", () => {
    const old = ours({
      command: "/old/offhook",
      async: true,
      if: "Bash(git *)",
      onFailure: "block",
      statusMessage: "x",
    });
    expect(hooksAfter({ Stop: [{ hooks: [old, other] }] }, [hook("Stop")])).toEqual({
      Stop: [{ hooks: [ours({ statusMessage: "x" }), other] }],
    });
  });

  test("alone in its group its matcher is put right in place, in front of the hooks", () => {
    const wanted = [hook("PostToolUse", "Edit")];
    const after = { PostToolUse: [{ matcher: "Edit", hooks: [ours()] }, { hooks: [other] }] };
    const order = (hooks: object) => JSON.stringify(hooksAfter(hooks, wanted));
    expect(order({ PostToolUse: [{ matcher: "Write", hooks: [ours()] }, { hooks: [other] }] })).toBe(
      JSON.stringify(after),
    );
    expect(order({ PostToolUse: [{ hooks: [ours()] }, { hooks: [other] }] })).toBe(JSON.stringify(after));
  });

  test("beside others under another matcher it leaves, and theirs stays as it is", () => {
    expect(
      hooksAfter({ PostToolUse: [{ matcher: "*", hooks: [other, ours()] }] }, [hook("PostToolUse", "Edit")]),
    ).toEqual({
      PostToolUse: [
        { matcher: "*", hooks: [other] },
        { matcher: "Edit", hooks: [ours()] },
      ],
    });
  });

  test("beside others under the right matcher it stays", () => {
    const hooks = { PostToolUse: [{ matcher: "Edit", hooks: [other, ours()] }] };
    expect(hooksAfter(hooks, [hook("PostToolUse", "Edit")])).toEqual(hooks);
    expect(changesOf(hooks, [hook("PostToolUse", "Edit")])[0]!.kind).toBe("kept");
  });

  test("what nobody wants any more goes, with its event where nothing else is in it", () => {
    const hooks = { Stop: [{ hooks: [ours()] }], PreCompact: [{ hooks: [other] }, { hooks: [ours()] }] };
    expect(hooksAfter(hooks, [])).toEqual({ PreCompact: [{ hooks: [other] }] });
    expect(changesOf(hooks, []).map(({ kind, event }) => `${kind} ${event}`)).toEqual([
      "removed Stop",
      "removed PreCompact",
    ]);
  });

  test("a group to which somebody gave a name keeps it", () => {
    const hooks = { Stop: [{ description: "events", hooks: [ours()] }] };
    expect(JSON.parse(textWithout(settings(hooks))).hooks).toEqual({ Stop: [{ description: "events", hooks: [] }] });
  });

  test("how durable an event is to be, and nothing else that was said, stays said", () => {
    const old = { type: "command", command: "/a/offhook publish --durability=process", timeout: 5 };
    expect(hooksAfter({ Stop: [{ hooks: [old] }] }, [hook("Stop")]).Stop[0].hooks[0].args).toEqual([
      "publish",
      "--durability=process",
    ]);
  });

  test("a list that stood there empty before us stays when our hook leaves it", () => {
    const before = '{\n  "hooks": { "Stop": [ ] }\n}';
    const present = mergedText(before, [hook("Stop"), hook("PostToolUse")]);
    expect(mergedText(present, [], EXEC, before)).toBe(before);
    expect(textWithout(present)).toBe("{}");
  });

  test("what others put in beside ours since then stays when ours goes", () => {
    const before = '{\n  "model": "opus"\n}\n';
    const present = mergedText(before, [hook("Stop"), hook("PostToolUse")]);
    const edited = present.replace('"model": "opus"', '"model": "sonnet",\n  "verbose": true');
    expect(textWithout(edited, before)).toBe('{\n  "model": "sonnet",\n  "verbose": true\n}\n');
  });
});

describe("what cannot be merged is left alone, with the place and the reason", () => {
  const refused = (text: string, wanted = [hook("Stop")]) => {
    const result = merged(text, wanted, EXEC);
    if (result.kind === "merged") throw new Error(`merged: ${result.text}`);
    return result;
  };

  for (const [name, text, line, column, says] of [
    ["hooks as a list", '{\n  "hooks": [{"event": "Stop"}]\n}', 2, 12, '"hooks" is an array'],
    ["hooks as a text", '{"hooks": "none"}', 1, 11, '"hooks" is a string'],
    ["hooks as null", '{\n\n"hooks":null}', 3, 9, '"hooks" is null'],
    ["hooks as a number", '{"hooks":0}', 1, 10, '"hooks" is a number'],
    ["hooks as false", '{"hooks":false}', 1, 10, '"hooks" is a boolean'],
    ["an event as a text", '{"hooks": {\r\n  "Stop": "say"}}', 2, 11, '"hooks.Stop" is a string'],
    ["an event as a group", '{"hooks": {"Stop": {"hooks": []}}}', 1, 20, '"hooks.Stop" is an object'],
    ["an event as null", '{"hooks": {"Stop": null}}', 1, 20, '"hooks.Stop" is null'],
    ["a file that is a list", "[]", 1, 1, "the file is an array"],
    ["a file that is a text", '"x"', 1, 1, "the file is a string"],
    ["a file that is null", " null", 1, 2, "the file is null"],
  ] as const) {
    test(name, () => {
      expect(refused(text)).toMatchObject({ line, column, message: expect.stringContaining(says) });
    });
  }

  test("an event of that shape that nobody wants a hook of is nobody's trouble", () => {
    expect(mergedText('{"hooks":{"Stop":"x"}}', [hook("PostToolUse")])).toStartWith(
      '{"hooks":{"Stop":"x","PostToolUse":[',
    );
  });

  test("a text that does not parse", () => {
    const result = without('{"a": 1,}');
    expect(result).toMatchObject({ kind: "refused", line: 1, column: 9, message: 'a comma before "}": take it away' });
    expect(refused('{"a": 1,}').message).toBe('a comma before "}": take it away');
  });

  test("a file that would grow beyond what Claude Code loads", () => {
    const large = JSON.stringify({ note: "x".repeat(2 * 1024 * 1024 - 20) });
    expect(refused(large).message).toContain("2 MiB");
  });
});

test("thousands of entries of ours, in groups of their own, in one group and beside others, become one, and none", () => {
  const ours = { type: "command", command: "offhook publish" };
  const theirs = { type: "command", command: "x" };
  const many = Array.from({ length: 2_000 }, () => ({ hooks: [ours] }));
  const beside = Array.from({ length: 500 }, () => ({ hooks: [ours, theirs, ours] }));
  const events = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`Own${at}`, [{ hooks: [ours, ours] }]]));
  const hooks = {
    Stop: [...many, ...beside, ...many],
    SessionEnd: [{ hooks: many.flatMap((one) => one.hooks) }],
    ...events,
  };
  const rest = { Stop: beside.map(() => ({ hooks: [theirs] })) };
  const text = JSON.stringify({ hooks }, null, 2);
  const left = without(text);
  expect(left.kind === "ok" && JSON.parse(left.text)).toEqual({ hooks: rest });
  const put = merged(text, [hook("SessionEnd")], EXEC);
  expect(put.kind === "merged" && JSON.parse(put.text)).toEqual({
    hooks: { ...rest, SessionEnd: [groupOf(hook("SessionEnd"), EXEC)] },
  });
}, 30_000);

test("a file of almost 2 MiB with hooks of others at every event is merged within seconds", () => {
  const hooks = Object.fromEntries(
    ["Stop", "PostToolUse", "PreToolUse", "SessionEnd"].map((event) => [
      event,
      [{ hooks: [{ type: "command", command: "x" }] }],
    ]),
  );
  const notes = Array.from({ length: 40_000 }, (_, index) => ({ index, note: "some text" }));
  const text = JSON.stringify({ hooks, notes }, null, 1);
  expect(text.length).toBeGreaterThan(1_800_000);
  const wanted = [hook("Stop"), hook("PostToolUse"), hook("PreToolUse"), hook("SessionEnd"), hook("Notification")];
  expect(textWithout(mergedText(text, wanted), text)).toBe(text);
}, 60_000);

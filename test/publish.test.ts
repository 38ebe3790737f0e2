// publish as a hook: whatever lies on stdin becomes an event, byte for byte, in silence.
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, makeScratch, offhook, plainEnv } from "./binary.ts";
import { namesIn, onlySpooled, spooled } from "./spooled.ts";

const scratch = makeScratch();
const PAYLOAD = '{"session_id":"s-1","hook_event_name":"PostToolUse","tool_name":"Write","n":12345678901234567890}\n';
const SILENT = { exitCode: 0, signal: null, stdout: "", stderr: "" };

test("an event is stored byte for byte, in silence, with its header", async () => {
  const home = scratch.home();
  const before = Date.now();
  const result = await offhook(["publish"], {
    home,
    stdin: PAYLOAD,
    env: {
      CLAUDE_PROJECT_DIR: "/a project",
      CLAUDE_PID: "17",
      OFFHOOK_DEPTH: "1",
      ANTHROPIC_API_KEY: "secret",
      CLAUDE_CODE_MESSAGING_TOKEN: "secret",
    },
  });

  expect(result).toEqual(SILENT);
  const { name, header, body } = onlySpooled(home);
  expect(body.toString()).toBe(PAYLOAD);
  expect(header.id).toBe(name);
  expect(header.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Date(header.time).toISOString()).toBe(header.time);
  expect(Date.parse(header.time)).toBeGreaterThanOrEqual(before);
  expect(header.pid).toBeGreaterThan(1);
  expect({ ...header, id: "", time: "", pid: 0 }).toEqual({
    v: 1,
    id: "",
    time: "",
    pid: 0,
    args: [],
    env: { CLAUDE_PROJECT_DIR: "/a project", CLAUDE_PID: "17", OFFHOOK_DEPTH: "1" },
    size: PAYLOAD.length,
    flags: [],
  });
  expect(namesIn(home, "tmp")).toEqual([]);
});

const bodies: Record<string, Uint8Array> = {
  "empty stdin": Buffer.from(""),
  "text that is not JSON": Buffer.from("not JSON\nat all"),
  "JSON that is cut off": Buffer.from('{"tool_name":"Wri'),
  "invalid UTF-8": Buffer.from([0x7b, 0xff, 0xfe, 0xc3, 0x28, 0x7d]),
  "NUL bytes": Buffer.from('{"a":"\0\0"}\0\n'),
  "line ends of every kind": Buffer.from('\r\n{"a":1}\r\n\n'),
  "an object 100,000 deep": Buffer.from(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}\n`),
  "300,007 random bytes": randomBytes(300_007),
};
for (const [what, bytes] of Object.entries(bodies)) {
  test(`${what} is stored as it came`, async () => {
    const home = scratch.home();
    expect(await offhook(["publish"], { home, stdin: bytes })).toEqual(SILENT);
    const { header, body } = onlySpooled(home);
    expect(body.equals(bytes)).toBe(true);
    expect(header.size).toBe(bytes.length);
    expect(header.flags).toEqual([]);
  });
}

test("64 MiB are read to the end, 32 MiB of them kept, and the event says so", async () => {
  const home = scratch.home();
  const bytes = Buffer.alloc(64 * 1024 * 1024 + 7, "0123456789abc");
  const big = join(scratch.root, "big");
  writeFileSync(big, bytes);
  // cat fails with EPIPE when its reader leaves early.
  const script = `{ cat '${big}' && echo whole >&2; } | '${BINARY}' publish`;
  const child = Bun.spawn(["sh", "-c", script], { env: plainEnv(home), stdout: "pipe", stderr: "pipe" });
  expect(await child.stderr.text()).toBe("whole\n");
  expect(await child.exited).toBe(0);
  const { header, body } = onlySpooled(home);
  expect(header.size).toBe(bytes.length);
  expect(header.flags).toEqual(["cut"]);
  expect(body.equals(bytes.subarray(0, 32 * 1024 * 1024))).toBe(true);
});

test("what was stored is for its owner's eyes only, whatever the umask", async () => {
  const home = scratch.home();
  const script = `umask 000; printf '{}' | '${BINARY}' publish`;
  expect(await Bun.spawn(["sh", "-c", script], { env: plainEnv(home) }).exited).toBe(0);
  for (const directory of ["", "spool", "spool/tmp", "spool/new", "spool/bad"]) {
    expect([directory, statSync(join(home, directory)).mode & 0o777]).toEqual([directory, 0o700]);
  }
  expect(statSync(join(home, "spool", "new", onlySpooled(home).name)).mode & 0o777).toBe(0o600);
});

test("words that a hook's line may hold are kept and ignored", async () => {
  const home = scratch.home();
  const words = ["--future-flag", "--durability", "process", "PostToolUse", "--durability=nonsense", "-x"];
  expect(await offhook(["publish", ...words], { home, stdin: PAYLOAD })).toEqual(SILENT);
  expect(onlySpooled(home).header.args).toEqual(words);
});

for (const durability of ["power", "full", "process"]) {
  test(`--durability ${durability} stores the event`, async () => {
    const home = scratch.home();
    expect(await offhook(["publish", "--durability", durability], { home, stdin: PAYLOAD })).toEqual(SILENT);
    expect(onlySpooled(home).body.toString()).toBe(PAYLOAD);
  });
}

test("forty at once lose nothing", async () => {
  const home = scratch.home();
  const sent = Array.from(
    { length: 40 },
    (_, number) => `{"number":${number},"padding":"${"x".repeat(number * 997)}"}\n`,
  );
  const results = await Promise.all(sent.map((stdin) => offhook(["publish"], { home, stdin })));
  expect(results.filter((result) => result.exitCode !== 0)).toEqual([]);
  expect(
    spooled(home)
      .map(({ body }) => body.toString())
      .sort(),
  ).toEqual(sent.sort());
});

test("one that ended before another began has the smaller id", async () => {
  const home = scratch.home();
  for (let number = 0; number < 12; number++) await offhook(["publish"], { home, stdin: `${number}` });
  expect(spooled(home).map(({ body }) => Number(body.toString()))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test("a directory of the spool that is missing is made again", async () => {
  const home = scratch.home();
  mkdirSync(join(home, "spool", "tmp"), { recursive: true, mode: 0o700 });
  expect(await offhook(["publish"], { home, stdin: PAYLOAD })).toEqual(SILENT);
  expect(onlySpooled(home).body.toString()).toBe(PAYLOAD);
});

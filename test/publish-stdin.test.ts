// Every kind of stdin: publish ends by itself, keeps what came, and says when it is not sure that this was all.
import { expect, test } from "bun:test";
import { closeSync, constants, openSync, readlinkSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { BINARY, makeScratch, onTerminal, plainEnv } from "./binary.ts";
import { namesIn, onlySpooled } from "./spooled.ts";

const scratch = makeScratch();
const PAYLOAD = '{"a":"}\\"]","b":[{"c":1}]}';
const GIVE_UP_MS = 20_000;

/** Starts publish with a stdin that stays open: a socket, as under Claude Code. */
function start(home: string, args: string[] = ["publish"]) {
  return Bun.spawn([BINARY, ...args], {
    env: plainEnv(home),
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    timeout: GIVE_UP_MS,
    killSignal: "SIGKILL",
  });
}

async function ended(child: ReturnType<typeof start>) {
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { exitCode: child.exitCode, stdout, stderr };
}

/** Runs a line of shell; $OFFHOOK is the binary. */
async function shell(home: string, line: string) {
  const child = Bun.spawn(["sh", "-c", line], {
    env: plainEnv(home, { OFFHOOK: BINARY }),
    stdout: "pipe",
    stderr: "pipe",
    timeout: GIVE_UP_MS,
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { exitCode: child.exitCode, stdout, stderr };
}

const SILENT = { exitCode: 0, stdout: "", stderr: "" };

test("a socket that never closes: a whole object is the end, and nothing is missing", async () => {
  const home = scratch.home();
  const child = start(home);
  if (process.platform === "linux") expect(readlinkSync(`/proc/${child.pid}/fd/0`)).toStartWith("socket:");
  child.stdin.write(PAYLOAD);
  await child.stdin.flush();
  expect(await ended(child)).toEqual(SILENT);
  const { header, body } = onlySpooled(home);
  expect(body.toString()).toBe(PAYLOAD);
  expect(header.flags).toEqual([]);
});

for (const [what, text] of [
  ["half an object", '{"a":"}'],
  ["text that is no object", "hello\n"],
  ["nothing", ""],
] as const) {
  test(`a stdin that never closes after ${what}: what came is stored, flagged incomplete`, async () => {
    const home = scratch.home();
    const child = start(home);
    if (text !== "") child.stdin.write(text);
    await child.stdin.flush();
    expect(await ended(child)).toEqual(SILENT);
    const { header, body } = onlySpooled(home);
    expect(body.toString()).toBe(text);
    expect(header.flags).toEqual(["incomplete"]);
  });
}

test("an object that comes in pieces with pauses is stored whole", async () => {
  const home = scratch.home();
  const child = start(home);
  for (const piece of PAYLOAD.match(/.{1,5}/g) ?? []) {
    child.stdin.write(piece);
    await child.stdin.flush();
    await Bun.sleep(40); // Longer than the pause after which publish looks whether the object is whole.
  }
  expect(await ended(child)).toEqual(SILENT);
  const { header, body } = onlySpooled(home);
  expect(body.toString()).toBe(PAYLOAD);
  expect(header.flags).toEqual([]);
});

test("a stdin that drips for ever is left, and what came is stored", async () => {
  const home = scratch.home();
  const child = start(home);
  child.stdin.write('{"a":"');
  while (child.exitCode === null) {
    child.stdin.write("x");
    await child.stdin.flush();
    await Bun.sleep(5);
  }
  expect(await ended(child)).toEqual(SILENT);
  const { header, body } = onlySpooled(home);
  expect(body.toString()).toMatch(/^\{"a":"x{50,}$/);
  expect(header.size).toBe(body.length);
  expect(header.flags).toEqual(["incomplete"]);
});

test("a non-blocking stdin whose writer is slow is read to its end", async () => {
  const home = scratch.home();
  const fifo = join(scratch.root, "fifo");
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(fifo, constants.O_WRONLY);
  const child = Bun.spawn([BINARY, "publish"], {
    env: plainEnv(home),
    stdin: reader,
    stdout: "pipe",
    stderr: "pipe",
    timeout: GIVE_UP_MS,
  });
  closeSync(reader);
  for (const piece of [PAYLOAD.slice(0, 7), PAYLOAD.slice(7, 12), `${PAYLOAD.slice(12)}\n`]) {
    await Bun.sleep(30);
    writeSync(writer, piece);
  }
  closeSync(writer);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect({ exitCode: child.exitCode, stdout, stderr }).toEqual(SILENT);
  expect(onlySpooled(home).body.toString()).toBe(`${PAYLOAD}\n`);
});

test("a file as stdin is read to its end, also beyond its first object", async () => {
  const home = scratch.home();
  const file = join(scratch.root, "two objects.json");
  writeFileSync(file, `${PAYLOAD}\n${PAYLOAD}\n`);
  expect(await shell(home, `"$OFFHOOK" publish < '${file}'`)).toEqual(SILENT);
  expect(onlySpooled(home).body.toString()).toBe(`${PAYLOAD}\n${PAYLOAD}\n`);
});

for (const [what, redirection] of [
  ["a closed stdin", "<&-"],
  ["/dev/null", "</dev/null"],
  ["stdin, stdout and stderr all closed", "<&- >&- 2>&-"],
] as const) {
  test(`${what} is an empty event`, async () => {
    const home = scratch.home();
    expect(await shell(home, `"$OFFHOOK" publish ${redirection}`)).toEqual(SILENT);
    const { header, body } = onlySpooled(home);
    expect(body.length).toBe(0);
    expect(header.flags).toEqual([]);
  });
}

for (const [what, redirection, code] of [
  ["a directory", "</", "EISDIR"],
  ["a stdin that can only be written", `0>'${scratch.root}/write-only'`, "EBADF"],
] as const) {
  test(`${what} is no event: exit 1 and one line that says why`, async () => {
    const home = scratch.home();
    const result = await shell(home, `"$OFFHOOK" publish ${redirection}`);
    expect(result).toMatchObject({ exitCode: 1, stdout: "" });
    expect(result.stderr).toMatch(new RegExp(`^offhook publish: stdin cannot be read \\(${code}[^\\n]*\\n$`));
    expect(namesIn(home, "new")).toEqual([]);
  });
}

for (const args of [["publish"], ["publish", "--type", "a.b"]]) {
  test(`a terminal as stdin of \`${args.join(" ")}\` is refused with one line that says what to do`, async () => {
    const home = scratch.home();
    const { exitCode, shown } = await onTerminal(args, home);
    expect(exitCode).toBe(64);
    // One line, uncoloured.
    expect(shown).toMatch(/^offhook publish: stdin is a terminal; [ -~]*pipe[ -~]*\r\n$/);
    expect(namesIn(home, "new")).toEqual([]);
  });
}

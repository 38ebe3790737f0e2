// Commands that misbehave: not there, flooding, deaf, ended by a signal, leaving others behind. Each is its own delivery's
// trouble alone: another consumer beside it goes on, and so does the daemon.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { consumerOf, controlCharacters, isRunning, openGuarded } from "./guarded.ts";
import { type Daemon, type Running, until, wrote } from "./running.ts";

/** As many characters as of an output may be stored: what worker output keeps, as text that shows each byte in up to three. */
const STORED_MAX = 110_000;
const FLOOD_BYTES = 200_000_004;

let on: Running;
beforeEach(() => {
  on = openGuarded();
  on.consumer("well", `on = ["PostToolUse"]\nshell = "true"\n`);
});
afterEach(() => on.end());

const inHome = (name: string) => join(on.home, name);
const shell = (name: string, line: string, more = "") =>
  on.consumer(name, `on = ["PostToolUse"]\nshell = ${JSON.stringify(line)}\n${more}`);
const deliveryOf = async (name: string) => (await on.ndjson(["deliveries", "--consumer", name]))[0];
const there = (name: string) =>
  until(
    () => existsSync(inHome(name)) && readFileSync(inHome(name), "utf8") !== "",
    () => `no ${name}`,
  );
const pidIn = (name: string) => Number(readFileSync(inHome(name), "utf8"));

/** Publishes one event and gives the status when all is settled; the other consumer must have been well. */
async function oneEvent(payload: Record<string, unknown> = wrote(on.file("a.py"))): Promise<any> {
  await on.publish(payload);
  const status = await on.settled();
  expect(consumerOf(status, "well")).toMatchObject({ state: "active", ok: 1, failed: 0 });
  return status;
}

function residentMb(daemon: Daemon): number {
  return Number(Bun.spawnSync(["ps", "-o", "rss=", "-p", String(daemon.pid)]).stdout.toString()) / 1024;
}

describe("a command that cannot be started", () => {
  const retry = `retry = { max = 2, backoff = "20ms" }\n`;
  const commands: [string, string, RegExp][] = [
    ["is not there", `run = ["no-such-linter", "{file}"]`, /no-such-linter: not found on the daemon's PATH \(/],
    ["has an interpreter that is not there", `run = ["HOME/script"]`, /interpreter/],
    ["is a directory", `run = ["/tmp"]`, /is a directory/],
    ["may not be executed", `run = ["/etc/passwd"]`, /is not executable \(chmod \+x\)/],
  ];
  for (const [what, action, said] of commands) {
    test(`because it ${what}: tried again, then a dead letter whose reason says it`, async () => {
      writeFileSync(inHome("script"), "#!/no/such/interpreter\n", { mode: 0o700 });
      on.consumer("bad", `on = ["PostToolUse"]\n${action.replace("HOME", on.home)}\n${retry}`);
      const daemon = await on.start();
      expect(consumerOf(await oneEvent(), "bad")).toMatchObject({ dead: 1, failed: 3 });
      const delivery = await deliveryOf("bad");
      expect(delivery.reason).toMatch(said);
      expect(delivery.attempts.map((attempt: any) => attempt.outcome)).toEqual(Array(3).fill("not-started"));
      expect(daemon.output()).toMatch(said);
      const status = await on.offhook(["status"]);
      expect(status).toMatchObject({ exitCode: 1, stderr: "" });
      expect(status.stdout).toMatch(/bad has 1 dead letter\. .*offhook dead-letters list/);
    });
  }
});

describe("a command that writes", () => {
  test("200 MB on both its outputs: their beginning and end are stored, and the daemon's memory is bounded", async () => {
    shell("flood", `yes flood | head -c ${FLOOD_BYTES}; echo the end; yes error | head -c ${FLOOD_BYTES} >&2`);
    on.consumer(
      "flood2",
      `on = ["PostToolUse"]\nrun = ["head", "-c", "${FLOOD_BYTES}", "/dev/zero"]\nretry = { max = 0 }\n`,
    );
    const daemon = await on.start();
    const beforeMb = residentMb(daemon);
    let highestMb = beforeMb;
    const watching = setInterval(() => {
      highestMb = Math.max(highestMb, residentMb(daemon));
    }, 100);
    const status = await oneEvent();
    clearInterval(watching);
    const afterMb = residentMb(daemon);
    console.log(
      `daemon's memory: ${[beforeMb, highestMb, afterMb].map((mb) => mb.toFixed(0)).join(" -> ")} MB, before, highest, after 600 MB of output`,
    );
    expect(consumerOf(status, "flood")).toMatchObject({ ok: 1, failed: 0 });
    for (const name of ["flood", "flood2"]) {
      const [attempt] = (await deliveryOf(name)).attempts;
      for (const text of [attempt.stdout, attempt.stderr]) expect(text.length).toBeLessThan(STORED_MAX);
      expect(attempt.stdout).toMatch(/\n\[\d{9} bytes left out\]\n/);
    }
    const [{ stdout, stderr }] = (await deliveryOf("flood")).attempts;
    expect(stdout).toStartWith("flood\nflood\n");
    expect(stdout).toEndWith("flood\nthe end\n");
    expect(stderr).toEndWith("error\n");
  });

  test("control characters, NUL and bytes that are no text: stored as text, and no terminal obeys them", async () => {
    shell("rude", String.raw`printf 'title\033]0;evil\007 nul\000 bytes\377\376 end'; exit 1`, "retry = { max = 0 }\n");
    const daemon = await on.start();
    await oneEvent();
    const { id, attempts } = await deliveryOf("rude");
    expect(attempts[0].stdout).toBe("title\u001b]0;evil\u0007 nul\u2400 bytes\ufffd\ufffd end");
    for (const args of [["deliveries"], ["show", id], ["status"]]) {
      expect(controlCharacters((await on.offhook(args)).stdout)).toEqual([]);
    }
    expect(controlCharacters(daemon.output())).toEqual([]);
  });
});

describe("a command that gets 5 MB on stdin", () => {
  test("may leave them unread, close stdin, or read them all: exactly the event", async () => {
    on.consumer("unread", `on = ["PostToolUse"]\nrun = ["true"]\n`);
    shell("closed", "exec <&-; sleep 0.1");
    shell("half", "head -c 100000 > /dev/null");
    shell("whole", 'cat > "$OFFHOOK_HOME/whole"');
    await on.start();
    const file = on.file("a.py");
    const status = await oneEvent(
      wrote(file, { tool_input: { file_path: file, content: "ä\n\u0000".repeat(1_250_003) } }),
    );
    for (const name of ["unread", "closed", "half", "whole"]) {
      expect([name, consumerOf(status, name).ok, consumerOf(status, name).failed]).toEqual([name, 1, 0]);
    }
    const [event] = (await on.offhook(["events", "--json"])).stdout.split("\n");
    expect(readFileSync(inHome("whole"), "utf8")).toBe(`${event}\n`);
    expect(event!.length).toBeGreaterThan(5_000_000);
  });
});

describe("a command that does not end when it should", () => {
  test("and ignores TERM is killed after the timeout, with its children and what began a session of its own", async () => {
    const deaf = `trap "" TERM; (trap "" TERM; setsid sh -c 'echo $$ > "$OFFHOOK_HOME/session"; exec sleep 600') &`;
    shell(
      "deaf",
      `${deaf} echo $$ > "$OFFHOOK_HOME/leader"; while :; do sleep 0.1; done`,
      `timeout = "200ms"\nretry = { max = 0 }\n`,
    );
    await on.start();
    await on.publish(wrote(on.file("a.py")));
    await there("leader");
    await there("session");
    const pids = [pidIn("leader"), pidIn("session")];
    expect(pids.map(isRunning)).toEqual([true, true]);
    const status = await on.settled();
    expect(consumerOf(status, "deaf")).toMatchObject({ dead: 1, failed: 1 });
    expect(consumerOf(status, "well").ok).toBe(1);
    const { reason, attempts } = await deliveryOf("deaf");
    expect(reason).toBe("no end within 200 ms");
    expect(attempts[0]).toMatchObject({ outcome: "timeout", signal: "SIGKILL" });
    expect(pids.map(isRunning)).toEqual([false, false]);
  }, 30_000);

  test("but leaves a child that holds its output: the delivery is settled, and the child is ended", async () => {
    shell("leaves", `sleep 600 & echo $! > "$OFFHOOK_HOME/child"; echo done`);
    await on.start();
    expect(consumerOf(await oneEvent(), "leaves")).toMatchObject({ ok: 1 });
    const { attempts } = await deliveryOf("leaves");
    expect(attempts[0].stdout).toBe("done\n");
    expect(attempts[0].stderr).toContain("ended what the command left running");
    expect(isRunning(pidIn("child"))).toBe(false);
  });

  test("but leaves one in a session of its own that holds its output: the delivery is settled all the same", async () => {
    shell(
      "leaves",
      `setsid sh -c 'echo $$ > "$OFFHOOK_HOME/child"; exec sleep 600' & while test ! -s "$OFFHOOK_HOME/child"; do sleep 0.02; done`,
    );
    await on.start();
    expect(consumerOf(await oneEvent(), "leaves")).toMatchObject({ ok: 1 });
    expect((await deliveryOf("leaves")).attempts[0].stderr).toContain("a session of its own still holds the output");
    process.kill(pidIn("child"), "SIGKILL");
  });
});

test("a command that kills itself and its whole group takes nobody with it", async () => {
  shell("kills", "kill -KILL 0", "retry = { max = 0 }\n");
  await on.start();
  expect(consumerOf(await oneEvent(), "kills")).toMatchObject({ dead: 1 });
  expect(await deliveryOf("kills")).toMatchObject({
    reason: "ended by SIGKILL",
    attempts: [{ outcome: "killed", signal: "SIGKILL" }],
  });
});

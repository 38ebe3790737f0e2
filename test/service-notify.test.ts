// What the daemon tells the manager that started it: datagrams on the socket of NOTIFY_SOCKET, here received by a few lines of
// Python, since Bun has no unix datagrams.
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { beatEveryMs } from "../src/system/notify.ts";
import { makeScratch } from "./binary.ts";
import { openRunning, until } from "./running.ts";

const scratch = makeScratch();
const RECEIVER = `
import socket, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\\0" + name[1:] if name[0] == "@" else name)
print("bound", flush=True)
while True:
    print(repr(s.recv(4096).decode()), flush=True)
`;

type Receiver = { all(): string[]; end(): void };
const receivers: Receiver[] = [];
afterAll(() => {
  for (const one of receivers) one.end();
});

/** Receives datagrams at a name: their texts so far. */
async function receive(name: string): Promise<Receiver> {
  const child = Bun.spawn(["python3", "-c", RECEIVER, name], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  let said = "";
  void (async () => {
    for await (const chunk of child.stdout) said += Buffer.from(chunk).toString();
  })();
  await until(
    () => said.startsWith("bound\n"),
    () => "the receiver does not begin",
  );
  const receiver: Receiver = {
    all: () =>
      said
        .split("\n")
        .slice(1, -1)
        .map((line) => line.slice(1, -1).replaceAll("\\n", "\n")),
    end: () => child.kill("SIGKILL"),
  };
  receivers.push(receiver);
  return receiver;
}

describe.if(process.platform === "linux" && Bun.which("python3") !== null)(
  "on Linux, a daemon that was started with a socket",
  () => {
    for (const kind of ["a path", "an abstract name"]) {
      test(`tells its whole life to ${kind}`, async () => {
        const name = kind === "a path" ? join(scratch.directory("notify"), "socket") : `@offhook-test-${process.pid}`;
        const receiver = await receive(name);
        const on = openRunning();
        try {
          on.consumer("one", 'on = ["test.*"]\nbuiltin = "none"\n');
          const daemon = await on.start([], { NOTIFY_SOCKET: name, WATCHDOG_USEC: "200000" });
          const told = (text: string) => receiver.all().filter((one) => one.includes(text)).length;
          await until(
            () => told("READY=1") === 1 && told("WATCHDOG=1") > 3,
            () => receiver.all().join("\n---\n"),
          );
          expect(receiver.all().find((one) => one.includes("READY=1"))).toBe(
            `READY=1\nSTATUS=1 consumer files in ${on.home}`,
          );

          on.consumer("two", 'on = ["test.*"]\nbuiltin = "none"\n');
          process.kill(daemon.pid, "SIGHUP");
          await until(
            () => told("READY=1") === 2,
            () => receiver.all().join("\n---\n"),
          );
          const reloading = receiver.all().find((one) => one.includes("RELOADING=1")) ?? "";
          const [, us = ""] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(reloading) ?? [];
          const upS = Number((await Bun.file("/proc/uptime").text()).split(" ")[0]);
          // The clock that counts from boot, not from the start of the process; a machine that slept has a longer uptime.
          expect(Number(us) / 1e6).toBeGreaterThan(60);
          expect(Number(us) / 1e6).toBeLessThanOrEqual(upS);
          expect(told("STATUS=2 consumer files")).toBe(1);

          expect(await daemon.stop()).toBe(0);
          await until(
            () => told("STOPPING=1") === 1,
            () => receiver.all().join("\n---\n"),
          );
        } finally {
          await on.end();
        }
      });
    }

    test("tells nothing and runs all the same where the socket is not there", async () => {
      const on = openRunning();
      try {
        const daemon = await on.start([], { NOTIFY_SOCKET: join(on.root, "none"), WATCHDOG_USEC: "200000" });
        expect(await daemon.stop()).toBe(0);
      } finally {
        await on.end();
      }
    });
  },
);

test("a beat comes twice in the time that is given, and only from the process that is meant", () => {
  expect(beatEveryMs({ WATCHDOG_USEC: "60000000" }, 7)).toBe(30_000);
  expect(beatEveryMs({ WATCHDOG_USEC: "60000000", WATCHDOG_PID: "7" }, 7)).toBe(30_000);
  expect(beatEveryMs({ WATCHDOG_USEC: "60000000", WATCHDOG_PID: "8" }, 7)).toBeNull();
  for (const us of [undefined, "", "0", "-1", "many"]) expect(beatEveryMs({ WATCHDOG_USEC: us }, 7)).toBeNull();
});

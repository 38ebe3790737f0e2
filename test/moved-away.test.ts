// What the daemon stands on is deleted, moved or replaced while it runs: the spool, the consumers, the home itself. What is
// published afterwards is not lost.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { consumerOf, haveArrived, openGuarded, timesIn } from "./guarded.ts";
import { type Running, until, wrote } from "./running.ts";

let on: Running;
beforeEach(() => {
  on = openGuarded();
  on.consumer("all", `on = ["**"]\nbuiltin = "none"\nstart = "earliest"\n`);
});
afterEach(() => on.end());

const spool = (...names: string[]) => join(on.home, "spool", ...names);
const arrived = (count: number) => haveArrived(on, count);
const publish = () => on.publish(wrote(on.file("a.py")));

describe("while the daemon runs, spool/new", () => {
  const away: [string, () => void][] = [
    ["is deleted", () => rmSync(spool("new"), { recursive: true })],
    ["is deleted with the whole spool", () => rmSync(spool(), { recursive: true })],
    ["is moved away", () => renameSync(spool("new"), join(on.root, "moved"))],
    [
      "is replaced by another directory",
      () => {
        mkdirSync(spool("fresh"), { mode: 0o700 });
        renameSync(spool("new"), spool("old"));
        renameSync(spool("fresh"), spool("new"));
      },
    ],
    [
      "is replaced by a link to a directory",
      () => {
        renameSync(spool("new"), join(on.root, "elsewhere"));
        symlinkSync(join(on.root, "elsewhere"), spool("new"));
      },
    ],
  ];
  for (const [what, take] of away) {
    test(`${what}: what is published afterwards arrives`, async () => {
      await on.start();
      await publish();
      await arrived(1);
      for (let round = 2; round <= 3; round++) {
        if (round === 2) take();
        await on.publish(wrote(on.file("b.py")));
        await arrived(round);
      }
      expect(consumerOf(await on.settled(), "all").ok).toBe(3);
    });
  }

  test("is replaced by a file: publish and status say so, consumers go on, and intake does when it is back", async () => {
    on.consumer("slow", `on = ["**"]\nshell = 'while test ! -e "$OFFHOOK_HOME/go"; do sleep 0.02; done'\n`);
    const daemon = await on.start();
    await publish();
    await until(
      async () => consumerOf(await on.status(), "slow").running === 1,
      () => "not running",
    );
    rmSync(spool("new"), { recursive: true });
    writeFileSync(spool("new"), "");
    const refused = await on.offhook(["publish"], { stdin: JSON.stringify(wrote(on.file("b.py"))) });
    expect(refused).toMatchObject({ exitCode: 1, stdout: "", stderr: expect.stringContaining("not stored") });
    await until(
      () => daemon.output().includes("intake waits"),
      () => daemon.output(),
    );
    expect(await on.offhook(["status"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^error: the spool cannot be read: .*\ntry: /),
    });
    writeFileSync(join(on.home, "go"), "");
    await until(
      async () => (await on.ndjson(["deliveries", "--consumer", "slow", "--state", "ok"])).length === 1,
      () => "a consumer stood still",
    );
    rmSync(spool("new"));
    await on.publish(wrote(on.file("c.py")));
    await until(
      () => daemon.output().includes("intake goes on"),
      () => daemon.output(),
    );
    expect(consumerOf(await on.settled(), "all").ok).toBe(2);
    expect(timesIn(daemon.output(), "intake waits")).toBe(1);
  });
});

describe("while the daemon runs, the directory of consumers", () => {
  test("is moved away and put back: each goes on where it was", async () => {
    const daemon = await on.start();
    await publish();
    await arrived(1);
    renameSync(join(on.home, "consumers"), join(on.root, "elsewhere"));
    await until(
      async () => consumerOf(await on.status(), "all").state === "removed",
      () => daemon.output(),
    );
    await publish();
    await arrived(2);
    expect(consumerOf(await on.status(), "all").ok).toBe(1);
    renameSync(join(on.root, "elsewhere"), join(on.home, "consumers"));
    await until(
      async () => consumerOf(await on.status(), "all").ok === 2,
      () => daemon.output(),
    );
    expect(daemon.output()).not.toContain("error");
    expect(await daemon.stop()).toBe(0);
  });
});

describe("while the daemon runs, the home", () => {
  const gone: [string, () => void][] = [
    ["is deleted", () => rmSync(on.home, { recursive: true })],
    ["is moved away", () => renameSync(on.home, join(on.root, "elsewhere"))],
    ["loses its ledger", () => rmSync(join(on.home, "ledger.db"))],
    ["gets another lock", () => rmSync(join(on.home, "daemon.lock"))],
  ];
  for (const [what, take] of gone) {
    test(`${what}: the daemon ends and says why, and the next one finds what was published since`, async () => {
      const daemon = await on.start();
      await publish();
      await arrived(1);
      take();
      await on.offhook(["publish", "--type", "afterwards", "--data", "{}"]);
      await until(
        () => daemon.output().includes("error: "),
        () => daemon.output(),
      );
      expect(await daemon.stop()).toBe(1);
      expect(daemon.output()).toMatch(/^error: the home .* was moved, deleted or replaced.*\ntry: .*offhook consume/m);
      await on.start();
      await on.settled();
      expect((await on.ndjson(["events", "--type", "afterwards"])).length).toBe(1);
    });
  }
});

// What others put into the spool, or take away from it: events still arrive, each once, and what is no event is set aside.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { consumerOf, controlCharacters, haveArrived, openGuarded, timesIn } from "./guarded.ts";
import { type Running, until, wrote } from "./running.ts";

let on: Running;
beforeEach(() => {
  on = openGuarded();
  on.consumer("all", `on = ["**"]\nbuiltin = "none"\nstart = "earliest"\n`);
});
afterEach(() => on.end());

const spool = (...names: string[]) => join(on.home, "spool", ...names);
const events = async () => (await on.status()).stream.events;
const arrived = (count: number) => haveArrived(on, count);

/** Everything that is no event, in spool/new. Gives how many. */
function plantStrangers(): number {
  const id = () => spool("new", Bun.randomUUIDv7());
  const [fifo, other] = [id(), id()];
  writeFileSync(spool("new", "notes.txt"), "milk");
  writeFileSync(spool("new", "x".repeat(255)), "");
  writeFileSync(spool("new", "forged\n00:00:00 ready \u001b[2J"), "");
  writeFileSync(id(), "");
  writeFileSync(id(), '{"v":1,"id":"');
  mkdirSync(spool("new", "directory"));
  mkdirSync(id());
  symlinkSync(join(on.root, "precious"), id());
  symlinkSync("/nowhere", id());
  Bun.spawnSync(["mkfifo", fifo]);
  Bun.spawnSync(["sh", "-c", `printf x > "$1/$(printf 'not \\377 UTF-8')"`, "sh", spool("new")]);
  writeFileSync(
    other,
    JSON.stringify({ v: 1, id: Bun.randomUUIDv7(), time: "2026-01-01T00:00:00Z", args: [], env: {}, flags: [] }),
  );
  return 12;
}

describe("strangers in spool/new", () => {
  for (const when of ["before the daemon starts", "while the daemon runs"]) {
    test(`${when} are set aside, each told once, and hold up nothing`, async () => {
      writeFileSync(join(on.root, "precious"), "untouched");
      await on.publish(wrote(on.file("a.py")));
      const early = when.startsWith("before") ? plantStrangers() : 0;
      const daemon = await on.start();
      await arrived(1);
      const count = early || plantStrangers();
      await on.publish(wrote(on.file("b.py")));
      await until(
        () => readdirSync(spool("bad")).length === count && readdirSync(spool("new")).length === 0,
        () => `${readdirSync(spool("new"))}`,
      );
      expect(consumerOf(await on.settled(), "all")).toMatchObject({ ok: 2, dead: 0 });
      expect(readFileSync(join(on.root, "precious"), "utf8")).toBe("untouched");
      expect(timesIn(daemon.output(), "set aside in spool/bad")).toBe(count);
      expect(controlCharacters(daemon.output())).toEqual([]);
      expect(daemon.output()).not.toMatch(/^00:00:00 /m);
      const status = await on.offhook(["status"]);
      expect(status.exitCode).toBe(1);
      expect(status.stdout).toContain(`${count} in the spool are no events. Look into ${spool("bad")}`);
    });
  }

  test("of the same name do not replace each other, however long the name", async () => {
    await on.start();
    for (const text of ["one", "two", "three"]) {
      writeFileSync(spool("new", "y".repeat(255)), text);
      await until(
        () => readdirSync(spool("new")).length === 0,
        () => "still there",
      );
    }
    const kept = readdirSync(spool("bad")).map((name) => readFileSync(spool("bad", name), "utf8"));
    expect(kept.sort()).toEqual(["one", "three", "two"]);
  });

  test("in spool/tmp and spool/bad are nobody's trouble", async () => {
    await on.publish(wrote(on.file("a.py")));
    mkdirSync(spool("tmp", `${Bun.randomUUIDv7()}.1`));
    mkdirSync(spool("tmp", `${Bun.randomUUIDv7()}.${Bun.spawnSync(["true"]).pid}`, "full"), { recursive: true });
    Bun.spawnSync(["mkfifo", spool("tmp", "fifo")]);
    rmSync(spool("bad"), { recursive: true });
    symlinkSync("/nowhere/at/all", spool("bad"));
    writeFileSync(spool("new", "stranger"), "");
    const ran = await on.offhook(["consume"]);
    expect(ran).toMatchObject({ exitCode: 77, stderr: expect.stringMatching(/^error: .*spool\/bad[^]*\ntry: /) });
    rmSync(spool("bad"));
    await on.start();
    expect(consumerOf(await on.settled(), "all").ok).toBe(1);
    expect(readdirSync(spool("bad"))).toEqual(["stranger"]);
  });
});

describe("an event of a newer version", () => {
  test("waits untouched, over a restart too, while others arrive, and status says to upgrade", async () => {
    await on.publish(wrote(on.file("a.py")));
    const id = Bun.randomUUIDv7();
    const text = `${JSON.stringify({ v: 7, id, shape: "unheard of" })}\n{"hook_event_name":"Stop"}`;
    writeFileSync(spool("new", id), text);
    for (let start = 1; start <= 2; start++) {
      const daemon = await on.start();
      await on.publish(wrote(on.file("b.py")));
      await arrived(1 + start);
      const status = await on.offhook(["status"]);
      expect(status.exitCode).toBe(1);
      expect(status.stdout).toMatch(/1 event was written by a newer offhook and waits\. Upgrade/);
      expect((await on.status()).spool).toMatchObject({ waiting: 1, newer: 1, bad: 0 });
      expect(timesIn(daemon.output(), `${id} was written by a newer offhook`)).toBe(1);
      expect(await daemon.stop()).toBe(0);
    }
    expect(readFileSync(spool("new", id), "utf8")).toBe(text);
  });
});

describe("a spool file that was cut off", () => {
  test("in its body is an event all the same, in its header is set aside, and its neighbours arrive", async () => {
    for (const name of ["a", "b", "c", "d"]) await on.publish(wrote(on.file(`${name}.py`)));
    const [, body, header] = readdirSync(spool("new"))
      .sort()
      .map((name) => spool("new", name));
    const bytes = readFileSync(body!);
    truncateSync(body!, bytes.indexOf(10) + 41);
    truncateSync(header!, 41);
    await on.start();
    await until(
      () => readdirSync(spool("bad")).length === 1,
      () => "not set aside",
    );
    expect(consumerOf(await on.settled(), "all").ok).toBe(3);
    const stored = await on.ndjson(["events"]);
    expect(stored.map((event) => event.type)).toEqual([
      "claude-code.PostToolUse",
      "offhook.unreadable",
      "claude-code.PostToolUse",
    ]);
    expect(stored[1].data).toBe(bytes.subarray(bytes.indexOf(10) + 1).toString("utf8", 0, 40));
  });
});

test("100 events of 16 publishers at once, while strangers appear: each arrives once, none is lost", async () => {
  on.consumer("log", `on = ["**"]\nbuiltin = "log"\n`);
  await on.start();
  const payloads = Array.from({ length: 100 }, (_, index) =>
    wrote(on.file(`f${index}.py`), { tool_use_id: `call ${index}` }),
  );
  const left = [...payloads];
  let planted = 0;
  const publisher = async () => {
    for (let payload = left.pop(); payload !== undefined; payload = left.pop()) {
      if (left.length % 3 === 0) {
        const name = left.length % 2 === 0 ? `stranger ${planted}` : Bun.randomUUIDv7();
        writeFileSync(spool("new", name), "{}");
        planted++;
      }
      await on.publish(payload);
    }
  };
  await Promise.all(Array.from({ length: 16 }, publisher));
  await until(
    async () => (await events()) >= 100 && readdirSync(spool("new")).length === 0,
    () => readdirSync(spool("new")).join(),
  );
  const status = await on.settled();
  expect(status.stream.events).toBe(100);
  expect(status.spool).toMatchObject({ waiting: 0, bad: planted });
  expect(planted).toBeGreaterThan(30);
  const stored = await on.ndjson(["events"]);
  expect(stored.map((event) => event.tooluseid).sort()).toEqual(
    payloads.map((payload) => payload.tool_use_id as string).sort(),
  );
  const logged = readFileSync(join(on.home, "logs", "log.ndjson"), "utf8")
    .trim()
    .split("\n");
  expect(logged.map((line) => JSON.parse(line).id)).toEqual(stored.map((event) => event.id));
  expect(existsSync(spool("tmp")) && readdirSync(spool("tmp"))).toEqual([]);
});

// What every command owes a person: help with an example, errors that say what to do, exit codes as documented, never 2.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../package.json";
import { BINARY, openRunning, type Running, until, wrote } from "./running.ts";

const COMMANDS = ["publish", "consume", "status", "events", "deliveries", "show", "try", "demo"];
let on: Running;
let ids: { event: any; delivery: any };

beforeAll(async () => {
  on = openRunning();
  on.consumer("lint", `on = ["PostToolUse"]\nfiles = ["**/*.py"]\nrun = ["cat", "--", "{file}"]\n`);
  on.consumer("typo", `on = ["PostToolUse"]\nrn = ["true"]\n`);
  await on.start();
  await on.publish(wrote(on.file("shop/a.py")));
  await on.publish(wrote(on.file("shop/notes.md"), { session_id: "other", hook_event_name: "PreToolUse" }));
  await until(
    async () => (await on.status()).consumers[0]?.ok === 1 && (await on.status()).stream.events === 2,
    () => "not there",
  );
  ids = { event: (await on.ndjson(["events"]))[0], delivery: (await on.ndjson(["deliveries"]))[0] };
});
afterAll(() => on.end());

test("--version is the package's", async () => {
  for (const word of ["--version", "-V"]) expect((await on.offhook([word])).stdout.trim()).toBe(packageJson.version);
});

describe("help", () => {
  test("lists every command", async () => {
    const { stdout, exitCode } = await on.offhook(["--help"]);
    expect(exitCode).toBe(0);
    for (const name of COMMANDS) expect(stdout).toContain(`  ${name} `);
  });

  for (const name of COMMANDS) {
    test(`of ${name} has its usage and an example`, async () => {
      const asked = await Promise.all([on.offhook([name, "--help"]), on.offhook(["help", name])]);
      for (const { stdout, exitCode } of asked) {
        expect(exitCode).toBe(0);
        expect(stdout).toMatch(new RegExp(`usage: offhook ${name}[^]*example:[^]*offhook ${name}`));
      }
    });
  }
});

describe("mistakes", () => {
  const mistakes: [string[], number, RegExp][] = [
    [["stats"], 64, /stats[^]*status/],
    [["events", "--jsno"], 64, /--jsno/],
    [["events", "extra"], 64, /extra/],
    [["events", "--limit", "many"], 64, /--limit.*many/],
    [["events", "--since", "yesterday"], 64, /--since.*yesterday/],
    [["deliveries", "--state", "done"], 64, /done[^]*held, ready/],
    [["show"], 64, /name one/],
    [["show", "no-such-id"], 66, /no-such-id/],
    [["try"], 64, /name one/],
    [["try", "nobody"], 66, /nobody[^]*lint/],
    [["try", "typo"], 78, /typo\.toml:2: .*rn.*run/],
    [["try", "lint", "--event", "nothing"], 66, /nothing/],
    [["consume", "nobody"], 66, /nobody/],
  ];
  for (const [args, exitCode, said] of mistakes) {
    test(`offhook ${args.join(" ")} exits ${exitCode} and says what and what to do`, async () => {
      const ran = await on.offhook(args, { stdin: "{}" });
      expect(ran.stderr).toMatch(said);
      expect(ran.stderr).toMatch(/^error: /);
      expect(ran.stdout).toBe("");
      expect(ran.exitCode).toBe(exitCode);
    });
  }
});

describe("a home", () => {
  test("that is not there yet is no error for those who look", async () => {
    const env = { OFFHOOK_HOME: join(on.root, "not-yet") };
    for (const args of [["events"], ["deliveries"], ["events", "--json"]])
      expect(await on.offhook(args, { env })).toMatchObject({ exitCode: 0, stderr: "" });
    const status = await on.offhook(["status", "--json"], { env });
    expect(status.exitCode).toBe(1);
    expect(JSON.parse(status.stdout)).toMatchObject({
      daemon: { running: false },
      stream: { events: 0, firstSeq: null },
      consumers: [],
    });
  });

  test("that is relative, or nowhere, is refused with advice", async () => {
    for (const env of [{ OFFHOOK_HOME: "here" }, { OFFHOOK_HOME: "", HOME: "" }]) {
      for (const name of ["status", "consume", "events"]) {
        const ran = await on.offhook([name], { env });
        expect(ran.exitCode).toBe(78);
        expect(ran.stderr).toContain("try: ");
      }
    }
  });

  test("with a config.toml that is not well does not start, and says line and remedy", async () => {
    const other = openRunning();
    writeFileSync(join(other.home, "config.toml"), 'name = "n"\nworkers = "many"\n');
    const ran = await other.offhook(["consume"]);
    expect(ran.exitCode).toBe(78);
    expect(ran.stderr).toMatch(/config\.toml:2: /);
    await other.end();
  });
});

describe("looking", () => {
  const count = async (args: string[]) => (await on.ndjson(args)).length;

  test("events are filtered by session, type, age, seq and number, oldest first", async () => {
    expect(await count(["events"])).toBe(2);
    expect(await count(["events", "--session", "other"])).toBe(1);
    expect(await count(["events", "--type", "PostToolUse"])).toBe(1);
    expect(await count(["events", "--type", "claude-code.*"])).toBe(2);
    expect(await count(["events", "--type", "Post*"])).toBe(1);
    expect((await on.ndjson(["events", "--since", "2"])).map((event) => event.seq)).toEqual([2]);
    expect(await count(["events", "--since", "1h"])).toBe(2);
    expect(await count(["events", "--since", "2100-01-01"])).toBe(0);
    expect((await on.ndjson(["events", "--limit", "1"])).map((event) => event.seq)).toEqual([2]);
  });

  test("--follow goes on with what comes", async () => {
    const child = Bun.spawn([BINARY, "events", "--follow", "--json", "--since", "2"], {
      env: { OFFHOOK_HOME: on.home, PATH: process.env.PATH! },
      stdout: "pipe",
      stdin: "ignore",
    });
    let seen = "";
    void (async () => {
      for await (const chunk of child.stdout) seen += Buffer.from(chunk).toString();
    })();
    await until(
      () => seen.includes('"seq":2'),
      () => seen,
    );
    const ran = await on.offhook([
      "publish",
      "--type",
      "render.finished",
      "--subject",
      "out.png",
      "--data",
      '{"steps":20}',
    ]);
    expect(ran.exitCode).toBe(0);
    await until(
      () => seen.includes("render.finished"),
      () => seen,
    );
    child.kill();
    await child.exited;
    expect(JSON.parse(seen.trim().split("\n").at(-1)!)).toMatchObject({ subject: "out.png", data: { steps: 20 } });
  });

  test("a reader that goes away early is no error", async () => {
    const ran = Bun.spawnSync(["sh", "-c", `"${BINARY}" events --json | head -c 10; "${BINARY}" events | true`], {
      env: { OFFHOOK_HOME: on.home, PATH: process.env.PATH! },
    });
    expect(ran.stderr.toString()).toBe("");
  });

  test("an event is found by seq, by id and by the end of its id", async () => {
    for (const id of ["1", ids.event.id, ids.event.id.slice(-7)]) {
      const shown = JSON.parse((await on.offhook(["show", id, "--json"])).stdout);
      expect(shown).toMatchObject({
        event: { id: ids.event.id, data: ids.event.data },
        deliveries: [{ id: ids.delivery.id, state: "ok" }],
        skips: [],
      });
    }
  });

  test("a number is a seq before it is the end of an id, and too short an end is nothing", async () => {
    expect(JSON.parse((await on.offhook(["show", "2", "--json"])).stdout)).toMatchObject({ event: { seq: 2 } });
    expect((await on.offhook(["show", ids.delivery.id.slice(-3)])).exitCode).toBe(66);
  });

  test("tables are plain text into a pipe", async () => {
    for (const args of [["status"], ["events"], ["deliveries"], ["deliveries", "--skipped"], ["show", "1"]]) {
      const { stdout } = await on.offhook(args);
      expect(stdout).not.toContain("\x1b[");
      expect(stdout.length).toBeGreaterThan(10);
    }
  });
});

describe("try", () => {
  const ask = async (payload: unknown, args: string[] = []) =>
    JSON.parse((await on.offhook(["try", "lint", "--json", ...args], { stdin: JSON.stringify(payload) })).stdout);

  test("tells which rule matched or not, the key, the decision and the exact command", async () => {
    const file = on.file("shop/b c.py");
    expect(await ask(wrote(file))).toMatchObject({
      matched: true,
      rules: [
        { rule: "on", ok: true },
        { rule: "files", ok: true },
      ],
      key: file,
      decision: "deliver",
      plan: { kind: "command", argv: ["cat", "--", file], program: Bun.which("cat"), cwd: join(on.root, "shop") },
    });
    expect(await ask(wrote(on.file("shop/readme.md")))).toMatchObject({
      matched: false,
      decision: "no-match",
      key: null,
      plan: null,
      rules: [{ ok: true }, { rule: "files", ok: false }],
    });
    expect(await ask(wrote("/nowhere/gone.py"))).toMatchObject({
      matched: true,
      decision: "skip",
      reason: "file-gone",
    });
  });

  test("works on an event of the stream, and stores nothing", async () => {
    const before = (await on.status()).stream;
    expect(await ask("", ["--event", "1"])).toMatchObject({ matched: true, event: { seq: 1 } });
    expect((await on.status()).stream).toEqual(before);
  });

  test("--run runs it here and shows what it said", async () => {
    const ran = await on.offhook(["try", "lint", "--run"], {
      stdin: JSON.stringify(wrote(on.file("shop/say.py", "said = True\n"))),
    });
    expect(ran.stdout).toContain("said = True");
    expect(ran.stdout).toContain("=> ok (exit 0)");
    expect(ran.exitCode).toBe(0);
  });
});

test("no text of a file name reaches the terminal as a control sequence", async () => {
  const file = on.file("shop/evil\u001b[2Jname.py");
  await on.publish(wrote(file));
  await until(
    async () => (await on.status()).consumers[0].ok === 2,
    () => "not delivered",
  );
  for (const args of [["events"], ["deliveries"], ["show", "3"]])
    expect((await on.offhook(args)).stdout).not.toContain("\u001b");
});

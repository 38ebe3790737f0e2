// What every command owes a person: help with an example, errors that say what to do, exit codes as documented, never 2.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../package.json";
import { BINARY, openRunning, type Running, until, wrote } from "./running.ts";

const COMMANDS = ["publish", "consume", "demo", "status", "events", "deliveries", "show", "try", "drain"].concat([
  "dead-letters",
  "replay",
  "pause",
  "resume",
  "forget",
  "prune",
  "cluster",
]);
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
    async () => (await on.status()).consumers[0]?.ok === 1 && (await on.status()).stream.events === 3,
    () => "not there",
  );
  // The first event is the daemon's own: typo is broken.
  ids = { event: (await on.ndjson(["events"]))[1], delivery: (await on.ndjson(["deliveries"]))[0] };
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
    [["pause"], 64, /name one consumer/],
    [["pause", "lint", "typo"], 64, /typo/],
    [["resume", "nobody"], 66, /nobody[^]*lint/],
    [["forget", "lint"], 78, /lint\.toml[^]*remove the file first/],
    [["drain", "--timeout", "long"], 64, /--timeout.*30s.*long/],
    [["prune", "--older-than", "7"], 64, /--older-than.*7d.*"7"/],
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
    for (const args of [["events"], ["deliveries"], ["events", "--json"], ["dead-letters"], ["drain"], ["prune"]])
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
    expect(await count(["events"])).toBe(3);
    expect(await count(["events", "--session", "other"])).toBe(1);
    expect(await count(["events", "--type", "PostToolUse"])).toBe(1);
    expect(await count(["events", "--type", "claude-code.*"])).toBe(2);
    expect(await count(["events", "--type", "Post*"])).toBe(1);
    expect((await on.ndjson(["events", "--since", "3"])).map((event) => event.seq)).toEqual([3]);
    expect(await count(["events", "--since", "1h"])).toBe(3);
    expect(await count(["events", "--since", "2100-01-01"])).toBe(0);
    expect((await on.ndjson(["events", "--limit", "1"])).map((event) => event.seq)).toEqual([3]);
  });

  test("--follow goes on with what comes", async () => {
    const child = Bun.spawn([BINARY, "events", "--follow", "--json", "--since", "3"], {
      env: { OFFHOOK_HOME: on.home, PATH: process.env.PATH! },
      stdout: "pipe",
      stdin: "ignore",
    });
    let seen = "";
    void (async () => {
      for await (const chunk of child.stdout) seen += Buffer.from(chunk).toString();
    })();
    await until(
      () => seen.includes('"seq":3'),
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
    for (const id of ["2", ids.event.id, ids.event.id.slice(-7)]) {
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
    for (const words of ["status", "events", "deliveries", "deliveries --skipped", "show 2", "dead-letters", "drain"]) {
      const args = words.split(" ");
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
    expect(await ask("", ["--event", "2"])).toMatchObject({ matched: true, event: { seq: 2 } });
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

describe("try and the rules of time", () => {
  const late = (toml: string) =>
    on.consumer("late", `on = ["PostToolUse"]\nkey = "{session}"\nbuiltin = "none"\n${toml}`);
  const tried = async (args: string[], payload: unknown = "") => {
    const ran = await on.offhook(["try", "late", "--json", ...args], { stdin: JSON.stringify(payload) });
    const { flow, ...rest } = JSON.parse(ran.stdout);
    return { ...rest, flow: Object.fromEntries(flow.map((one: any) => [one.rule, one.text])) };
  };
  const settled = (ok: number) =>
    until(
      async () => {
        const its = (await on.status()).consumers.find((one: any) => one.name === "late");
        return its?.state === "active" && its.ok === ok && its.lag === 0 && its.pending === 0;
      },
      () => "late is not settled",
    );

  test("it says what the ledger remembers of the key, and what would come of it now", async () => {
    late(`dedup = "1h"\ncooldown = "2h"\nmax_age = "3h"\nrate = "30/m"\ndebounce = "10ms"\n`);
    await settled(0);
    const fresh = await tried([], wrote(on.file("shop/a.py"), { session_id: "new" }));
    expect(fresh).toMatchObject({
      decision: "deliver",
      before: null,
      flow: {
        dedup: "1h; none of this key is remembered",
        cooldown: "2h; nothing of this key is remembered",
        max_age: expect.stringMatching(/^3h; the event is from .* ago$/),
        rate: "30 in 1m",
        debounce: "waits for 10ms of quiet, at most 300ms",
      },
    });
    await on.publish(wrote(on.file("shop/a.py"), { session_id: "new" }));
    await settled(1);
    const again = await tried([], wrote(on.file("shop/b.py"), { session_id: "new" }));
    expect(again).toMatchObject({ decision: "skip", reason: "duplicate" });
    expect(again.flow.dedup).toMatch(/^1h; the last accepted one of this key is .* older$/);
    expect(again.flow.cooldown).toMatch(/^2h; the last one of this key ended .* ago$/);

    late(`cooldown = "2h"\n`);
    await settled(1);
    const cooling = await tried([], wrote(on.file("shop/b.py"), { session_id: "new" }));
    expect(cooling).toMatchObject({ decision: "skip", reason: "cooldown" });
  });

  test("of an event of the stream it says what became of it, and does not take it for its own duplicate", async () => {
    late(`dedup = "1h"\n`);
    await settled(1);
    const { seq } = (await on.ndjson(["events", "--session", "new"]))[0];
    expect(await tried(["--event", String(seq)])).toMatchObject({
      decision: "deliver",
      before: { deliveries: [{ state: "ok" }], skipped: null },
      flow: { dedup: expect.stringContaining("was decided on before") },
    });
  });

  test("a project's .offhook.toml is named with what it asks for, and --run runs it all the same", async () => {
    on.consumer("late", `on = ["PostToolUse"]\nshell = "echo it ran"\n`);
    await settled(1);
    const payload = wrote(on.file("shop/a.py"));
    mkdirSync(join(on.root, "shop", ".git"), { recursive: true });
    const file = on.file("shop/.offhook.toml", `disabled = ["late"]\ncooldown = { late = "5m" }\n`);
    const silenced = await tried([], payload);
    expect(silenced).toMatchObject({ decision: "skip", reason: "silenced" });
    expect(silenced.flow.project).toBe(`${file} asks for silence and a cooldown of 5m`);
    const ran = await on.offhook(["try", "late", "--run"], { stdin: JSON.stringify(payload) });
    expect([ran.exitCode, ran.stdout]).toEqual([0, expect.stringMatching(/=> skipped: silenced\nit ran\n=> ok/)]);

    on.consumer("late", `on = ["PostToolUse"]\nshell = "echo it ran"\nsilenceable = false\n`);
    expect(await tried([], payload)).toMatchObject({ decision: "deliver" });
    on.file("shop/.offhook.toml", `run = ["rm"]\n`);
    const refused = await tried([], payload);
    expect(refused).toMatchObject({ decision: "deliver" });
    expect(refused.flow.project).toMatch(/^refused, so that it silences nothing: .*\.offhook\.toml:1: /);
  });

  test("what the file switches off is not run by --run either", async () => {
    on.consumer("late", `on = ["PostToolUse"]\nshell = "echo it ran"\nenabled = false\n`);
    const ran = await on.offhook(["try", "late", "--run"], { stdin: JSON.stringify(wrote(on.file("shop/a.py"))) });
    expect([ran.exitCode, ran.stdout.includes("it ran\n")]).toEqual([1, false]);
    rmSync(join(on.home, "consumers", "late.toml"));
  });
});

test("no text of a file name reaches the terminal as a control sequence", async () => {
  const file = on.file("shop/evil\u001b[2Jname.py");
  await on.publish(wrote(file));
  await until(
    async () => (await on.ndjson(["deliveries", "--consumer", "lint", "--state", "ok"])).at(-1)?.key === file,
    () => "not delivered",
  );
  const { seq } = (await on.ndjson(["events", "--limit", "1"]))[0];
  for (const args of [["events"], ["deliveries"], ["show", `${seq}`], ["try", "lint", "--event", `${seq}`]]) {
    const { stdout } = await on.offhook(args);
    expect(stdout).toContain("\\u001b[2Jname.py");
    expect(stdout).not.toContain("\u001b");
  }
});

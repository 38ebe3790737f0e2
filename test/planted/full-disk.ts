// What offhook does on a disk that is full. Run by full-disk.test.ts with TMPDIR on a small file system of its own and the name
// of one scenario; prints what it saw as one line of JSON.
import { readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDisk } from "../../src/daemon/disk.ts";
import { consumerOf, openGuarded, timesIn } from "../guarded.ts";
import { type Daemon, until, wrote } from "../running.ts";

const HOUR_MS = 3_600_000;
const isFiller = (name: string) => name.startsWith("filler-");
const on = openGuarded();
const { home, offhook, status, file, consumer, start } = on;
const ballast = join(home, "ballast");

/** Takes all of the disk. */
function fill(): void {
  for (let size = 1_000_003; size >= 1; ) {
    const name = join(on.root, `filler-${Bun.randomUUIDv7()}`);
    try {
      writeFileSync(name, Buffer.alloc(size));
    } catch {
      rmSync(name, { force: true });
      size = Math.floor(size / 3);
    }
  }
}

function makeRoom(): void {
  for (const name of readdirSync(on.root).filter(isFiller)) rmSync(join(on.root, name));
}

/** A spool file as publish would have written it an hour ago, of noise that does not compress. Gives what puts it there. */
function late(): () => void {
  const time = Date.now() - HOUR_MS;
  const id = Bun.randomUUIDv7("hex", time);
  const header = { v: 1, id, time: new Date(time).toISOString(), pid: 1, args: [], env: {}, size: 0, flags: [] };
  const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString("base64");
  const payload = JSON.stringify(wrote(file("late.py", ""), { noise }));
  const written = join(home, "spool", "tmp", `${id}.${process.pid}`);
  writeFileSync(written, `${JSON.stringify(header)}\n${payload}`, { mode: 0o600 });
  return () => renameSync(written, join(home, "spool", "new", id));
}

const said = (daemon: Daemon, text: string) =>
  until(
    () => daemon.output().includes(text),
    () => daemon.output(),
  );

const seen = (daemon: Daemon, name: string, is: (one: any) => boolean) =>
  until(
    async () => is(consumerOf(await status(), name)),
    () => daemon.output(),
  );

const subjects = async () => (await on.ndjson(["events"])).flatMap((event) => event.subject?.split("/").at(-1) ?? []);

/** A consumer whose worker waits until the file `go` is in the home. */
const slow = () =>
  consumer(
    "slow",
    `on = ["PostToolUse"]\nshell = 'while test -d "$OFFHOOK_HOME" -a ! -e "$OFFHOOK_HOME/go"; do sleep 0.02; done'\n`,
  );

/** The ballast, where it is whole: real blocks of its whole size. */
const wholeBytes = () => {
  const { size, blocks } = statSync(ballast);
  return blocks * 512 >= size ? size : 0;
};

/** Publishes without a pause, small and large; gives what was acknowledged when it is told to stop, once it met the full disk. */
function publishing(): () => Promise<{ stored: string[]; refused: number }> {
  const stored: string[] = [];
  let refused = 0;
  let stopping = false;
  const publisher = async (which: number) => {
    for (let count = 0; !stopping; count++) {
      const path = join(on.root, `p${which}-${count}.py`);
      const payload = wrote(path, { pad: "x".repeat(count % 3 === 0 ? 20_011 : 101) });
      const ran = await offhook(["publish"], { stdin: JSON.stringify(payload) });
      if (ran.exitCode === 0) stored.push(path.split("/").at(-1)!);
      else refused++;
    }
  };
  const all = [publisher(1), publisher(2)];
  return async () => {
    const deadlineMs = performance.now() + 10_000;
    while (refused === 0 && performance.now() < deadlineMs) await Bun.sleep(5);
    stopping = true;
    await Promise.all(all);
    return { stored, refused };
  };
}

const scenarios: Record<string, () => Promise<unknown>> = {
  /** Full while a worker runs; publishers fight for each byte. */
  async waits() {
    consumer("log", `on = ["PostToolUse"]\nbuiltin = "log"\n`);
    consumer("well", `on = ["PostToolUse"]\nshell = "true"\n`);
    consumer("told", `on = ["offhook.recovered"]\nbuiltin = "none"\nmax_depth = 1\n`);
    slow();
    const daemon = await start();
    const ballastBytes = wholeBytes();
    await on.publish(wrote(file("first.py")));
    await seen(daemon, "slow", (one) => one.running === 1);
    await seen(daemon, "well", (one) => one.ok === 1);

    const arrive = late();
    fill();
    arrive();
    await said(daemon, "intake waits");
    fill(); // What the first piece of the ballast gave is taken by others.
    const refused = await offhook(["publish"], { stdin: JSON.stringify(wrote("/a.py")) });
    const whileFull = { ...(await offhook(["status"])), json: await status() };
    const stopPublishing = publishing();
    writeFileSync(join(home, "go"), "");
    await seen(daemon, "slow", (one) => one.ok === 1);
    const stillFull = await status();
    const published = await stopPublishing();
    makeRoom();
    await said(daemon, "intake goes on");
    const end = await on.settled();
    const events = await subjects();
    return {
      ballastBytes,
      refused,
      whileFull: { exitCode: whileFull.exitCode, text: whileFull.stdout, trouble: whileFull.json.trouble },
      stillFull: { trouble: stillFull.trouble, events: stillFull.stream.events, waiting: stillFull.spool.waiting },
      refusedAny: published.refused > 0,
      lost: ["first.py", "late.py", ...published.stored].filter((name) => !events.includes(name)),
      twice: events.filter((name, index) => events.indexOf(name) !== index),
      notDone: ["log", "slow", "well"].filter((name) => consumerOf(end, name).ok !== published.stored.length + 2),
      dead: end.consumers.filter((one: any) => one.dead + one.failed > 0),
      toldOfRoom: consumerOf(end, "told").ok,
      trouble: end.trouble,
      ballastAfter: wholeBytes(),
      timesSaid: timesIn(daemon.output(), "intake waits"),
      exitCode: await daemon.stop(),
    };
  },

  /** The daemon is killed on the full disk, starts on it again, is asked to end on it, and starts with room. */
  async restarts() {
    slow();
    let daemon = await start();
    await on.publish(wrote(file("first.py")));
    await seen(daemon, "slow", (one) => one.running === 1);
    const arrive = late();
    fill();
    arrive();
    await said(daemon, "intake waits");
    fill();
    const killed = await daemon.stop("SIGKILL");
    writeFileSync(join(home, "go"), "");
    daemon = await start();
    await said(daemon, "ready:");
    const whileFull = await status();
    const ended = await daemon.stop();
    daemon = await start();
    makeRoom();
    const end = await on.settled();
    return {
      killed,
      running: whileFull.daemon.running,
      ended,
      slow: consumerOf(end, "slow"),
      spool: end.spool,
      subjects: await subjects(),
      exitCode: await daemon.stop(),
    };
  },

  /** On a disk that is full already no settings can be made, nor a ledger; with a ballast, both can. */
  async first() {
    slow();
    await (await start()).stop();
    const lacking = async (...names: string[]) => {
      for (const name of names) rmSync(join(home, name), { force: true });
      fill();
      const ran = await offhook(["consume"]);
      makeRoom();
      return ran;
    };
    const withoutSettings = await lacking("ballast", "config.toml");
    writeFileSync(join(home, "config.toml"), 'name = "here"\n', { mode: 0o600 });
    const withoutLedger = await lacking("ballast", "ledger.db");
    await (await start()).stop();
    rmSync(join(home, "ledger.db"));
    const ballastBytes = wholeBytes();
    fill();
    const daemon = await start();
    const whileFull = await status();
    makeRoom();
    writeFileSync(join(home, "go"), "");
    await on.publish(wrote(file("first.py")));
    const end = await on.settled();
    return {
      withoutSettings,
      withoutLedger,
      ballastBytes,
      trouble: whileFull.trouble,
      ok: consumerOf(end, "slow").ok,
      exitCode: await daemon.stop(),
    };
  },

  /** As with a quota: no figure says that the disk is full, and SQLite calls it an I/O error; only writing finds out. */
  async quota() {
    const said: string[] = [];
    const over: string[] = [];
    const disk = makeDisk({
      home,
      log: (line) => said.push(line),
      now: Date.now,
      steadyNow: () => performance.now(),
      later(ms, call) {
        const timer = setTimeout(call, ms);
        return () => clearTimeout(timer);
      },
      ballastBytes: 327_680,
      roomOf: () => ({ freeBytes: 1e12, totalBytes: 1e13 }),
    });
    disk.onRoom(({ kind }) => over.push(kind));
    disk.ensure();
    const ballastBytes = wholeBytes();
    fill();
    const gaveRoom = disk.trouble(Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_WRITE" }));
    const met = disk.state();
    // Long enough for a look, which has to write to find out, and has to leave what it cannot fill as it was.
    await until(
      () => /must be free|no space/.test(disk.state()?.text ?? ""),
      () => JSON.stringify(disk.state()),
    );
    const [stillFull, heldBytes] = [disk.isFull(), statSync(ballast).size];
    makeRoom();
    await until(
      () => over.length > 0,
      () => said.join("\n"),
    );
    disk.stop();
    return { ballastBytes, gaveRoom, met, stillFull, heldBytes, over, after: disk.state(), ballastAfter: wholeBytes() };
  },
};

try {
  console.log(JSON.stringify(await scenarios[process.argv[2] ?? ""]?.()));
} finally {
  makeRoom();
  await on.end();
}

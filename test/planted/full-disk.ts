// What a daemon does on a disk that is full. Run by full-disk.test.ts with TMPDIR on a file system of 4 MB; prints what it saw
// as one line of JSON.
import { readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { consumerOf, openGuarded, timesIn } from "../guarded.ts";
import { type Running, until, wrote } from "../running.ts";

const HOUR_MS = 3_600_000;
const on = openGuarded();
const isFiller = (name: string) => name.startsWith("filler-");

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
  const payload = JSON.stringify(wrote(on.file("late.py", ""), { noise }));
  const written = join(on.home, "spool", "tmp", `${id}.${process.pid}`);
  writeFileSync(written, `${JSON.stringify(header)}\n${payload}`, { mode: 0o600 });
  return () => renameSync(written, join(on.home, "spool", "new", id));
}

async function scenario({ home, offhook, publish, ndjson, settled, status, file, consumer, start }: Running) {
  const waits = 'while test ! -e "$OFFHOOK_HOME/go"; do sleep 0.02; done';
  consumer("log", `on = ["**"]\nbuiltin = "log"\n`);
  consumer("slow", `on = ["**"]\nshell = '${waits}'\n`);
  consumer("well", `on = ["**"]\nshell = "true"\n`);
  const daemon = await start();
  const says = (text: string) =>
    until(
      () => daemon.output().includes(text),
      () => daemon.output(),
    );
  await publish(wrote(file("first.py")));
  await until(
    async () => consumerOf(await status(), "slow").running === 1 && consumerOf(await status(), "well").ok === 1,
    () => daemon.output(),
  );

  const arrive = late();
  fill();
  arrive();
  await says("intake waits");
  const refused = await offhook(["publish"], { stdin: JSON.stringify(wrote("/a.py")) });
  const whileFull = await offhook(["status"]);
  // An outcome meets the full disk too.
  writeFileSync(join(home, "go"), "");
  await says("consumers wait");
  makeRoom();
  await says("intake goes on");
  const end = await settled();
  return {
    refused,
    whileFull: { exitCode: whileFull.exitCode, text: whileFull.stdout },
    counts: end.consumers.map(({ name, ok, dead, failed }: any) => ({ name, ok, dead, failed })),
    spool: end.spool,
    subjects: (await ndjson(["events"])).map((event) => event.subject.split("/").at(-1)),
    timesSaid: timesIn(daemon.output(), "intake waits"),
    exitCode: await daemon.stop(),
  };
}

try {
  console.log(JSON.stringify(await scenario(on)));
} finally {
  await on.end();
}

// Inside the machine: a new program is moved over the running one, while events come without a pause. None is lost, none comes twice.
import { copyFileSync, readlinkSync, renameSync, statSync } from "node:fs";
import { ended, type Inside, same } from "./inside-tools.ts";

const FIRST = 1000;

export async function upgradePart(inside: Inside): Promise<void> {
  const { check, offhook, binary } = inside;
  let isOver = false;
  let next = FIRST;
  const publishing = (async () => {
    while (!isOver) await inside.publish(next++);
  })();
  await inside.until(() => inside.seen().includes(FIRST + 5));

  const old = await inside.pid();
  const before = statSync(binary).ino;
  newProgram(inside);
  check("mv over the running program works, and the daemon goes on with the old one", [
    ...same("old program", readlinkSync(`/proc/${old}/exe`), `${binary} (deleted)`),
    ...same("pid", await inside.pid(), old),
    ...same("another file", statSync(binary).ino !== before, true),
  ]);
  const restarted = await offhook(["service", "restart"]);
  const pid = await inside.pid();
  check("service restart takes the new one", [
    ...ended(restarted, 0),
    ...same("program", readlinkSync(`/proc/${pid}/exe`), binary),
    ...same("file", statSync(`/proc/${pid}/exe`).ino, statSync(binary).ino),
  ]);

  const inoBefore = statSync(binary).ino;
  const byScript = await inside.user(["sh", "/share/install.sh", "--file", "/share/offhook"]);
  check("install.sh replaces the program and restarts the service", [
    ...ended(byScript, 0),
    ...same("words", byScript.stdout.includes("the service was restarted"), true),
    ...same("another file", statSync(binary).ino !== inoBefore, true),
    ...same("another pid", (await inside.pid()) !== pid, true),
    ...same("program", readlinkSync(`/proc/${await inside.pid()}/exe`), binary),
  ]);

  newProgram(inside);
  const installed = await offhook(["install-service", "--json"]);
  const third = await inside.pid();
  check("install-service with the same unit and a new program starts that one", [
    ...ended(installed, 0),
    ...same("did", JSON.parse(installed.stdout || "{}").did, "restarted"),
    ...same("program", readlinkSync(`/proc/${third}/exe`), binary),
  ]);
  process.kill(third, "SIGKILL");
  const marked = next;
  await inside.until(() => inside.seen().includes(marked + 5));
  isOver = true;
  await publishing;
  const last = next - 1;
  const missing = await inside.mustSee(last);
  const counted = Map.groupBy(
    inside.seen().filter((n) => n >= FIRST),
    (n) => n,
  );
  const wanted = Array.from({ length: next - FIRST }, (_, at) => FIRST + at);
  const stored = (await offhook(["events", "--type", "test.counted", "--limit", "100000", "--json"])).stdout.split(
    "\n",
  );
  const ids = new Set(stored.filter(Boolean).map((line) => JSON.parse(line).id));
  check(`all ${wanted.length} events that were published meanwhile were delivered, by id`, [
    ...missing,
    ...same(
      "lost",
      wanted.filter((n) => !counted.has(n)),
      [],
    ),
    ...same("stored ids", ids.size >= wanted.length, true),
  ]);
  // The kill may have caught a worker between its last word and the ledger: that one is delivered again, as promised.
  const twice = [...counted].filter(([, times]) => times.length > 1).map(([n]) => n);
  check("at most the one that ran at the kill came twice", same("twice", twice.length <= 1, true));
}

/** Another file at the same path, in one step, as an installer does it. */
function newProgram({ binary, uid }: Inside): void {
  const part = `${binary}.new`;
  copyFileSync("/share/offhook", part);
  Bun.spawnSync(["chown", `${uid}:${uid}`, part]);
  renameSync(part, binary);
}

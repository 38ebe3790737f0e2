// A disk that is full: publish says so, the daemon waits with what it has and goes on when there is room. Nothing is lost.
import { expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// A file system of our own takes root: offhook refuses a home below directories whose owner it cannot see, as in a user namespace.
const MOUNT = ["unshare", "--mount", "sh", "-c"];
const canMount =
  process.geteuid?.() === 0 &&
  Bun.which("unshare") !== null &&
  Bun.spawnSync([...MOUNT, "mount -t tmpfs -o size=64k none /mnt"]).exitCode === 0;
const named = (name: string) => (canMount ? name : `${name} (reason: needs root, for a file system of its own)`);

test.skipIf(!canMount)(named("a full disk: intake and consumers wait, and go on when there is room"), () => {
  const place = realpathSync(mkdtempSync(join(tmpdir(), "offhook-full-")));
  const script = join(import.meta.dir, "planted", "full-disk.ts");
  const ran = Bun.spawnSync(
    [...MOUNT, 'mount -t tmpfs -o size=4m,mode=700 none "$TMPDIR" && exec "$0" "$1"', process.execPath, script],
    { env: { ...process.env, TMPDIR: place } },
  );
  rmSync(place, { recursive: true });
  expect(ran.stderr.toString()).toBe("");
  const saw = JSON.parse(ran.stdout.toString());
  expect(saw.refused).toMatchObject({ exitCode: 1, stdout: "" });
  expect(saw.refused.stderr).toMatch(
    /^offhook: the event was not stored: the disk of .* is full; free some space there/,
  );
  expect(saw.whileFull.exitCode).toBe(1);
  expect(saw.whileFull.text).toMatch(/Events wait in the spool for 1 h, though the daemon runs/);
  expect(saw.counts).toEqual(["log", "slow", "well"].map((name) => ({ name, ok: 2, dead: 0, failed: 0 })));
  expect(saw.spool).toMatchObject({ waiting: 0, bad: 0 });
  expect(saw.subjects).toEqual(["first.py", "late.py"]);
  expect(saw.timesSaid).toBe(1);
  expect(saw.exitCode).toBe(0);
});

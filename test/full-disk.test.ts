// A disk that is full: publish says so, the daemon waits with what it has and goes on when there is room. Nothing is lost. On
// real file systems, tmpfs and ext4, filled to the last byte.
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// A file system of our own takes root: offhook refuses a home below directories whose owner it cannot see, as in a user namespace.
const MOUNT = ["unshare", "--mount", "sh", "-c"];
const TMPFS = 'mount -t tmpfs -o size=4m,mode=700 none "$PLACE"';
const EXT4 =
  'truncate -s 16M "$PLACE.ext4" && mkfs.ext4 -q -m 0 "$PLACE.ext4" && mount -o loop "$PLACE.ext4" "$PLACE" && chmod 700 "$PLACE"';

/** Runs a shell text with an empty directory as $PLACE, in a namespace whose mounts end with it. */
function inPlace(text: string, ...args: string[]) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-full-")));
  const place = join(root, "disk");
  mkdirSync(place);
  const ran = Bun.spawnSync([...MOUNT, text, ...args], { env: { ...process.env, PLACE: place, TMPDIR: place } });
  rmSync(root, { recursive: true });
  return ran;
}

for (const [disk, mount] of [
  ["tmpfs of 4 MB", TMPFS],
  ["ext4 of 16 MB", EXT4],
] as const) {
  const canMount =
    process.geteuid?.() === 0 &&
    Bun.which("unshare") !== null &&
    inPlace(`${mount} && touch "$PLACE/it"`).exitCode === 0;
  const reason = canMount ? "" : " (reason: needs root, for a file system of its own)";
  const seenOf = (scenario: string): any => {
    const script = join(import.meta.dir, "planted", "full-disk.ts");
    const ran = inPlace(`${mount} && "$0" "$1" "$2"`, process.execPath, script, scenario);
    expect(ran.stderr.toString()).toBe("");
    return JSON.parse(ran.stdout.toString());
  };

  describe.skipIf(!canMount)(`a full disk${reason}, ${disk}`, () => {
    test("keeps intake waiting while outcomes are written with the ballast's room; then all that was acknowledged is there", () => {
      const saw = seenOf("waits");
      expect(saw.ballastBytes).toBeGreaterThan(200_000);
      expect(saw.refused).toMatchObject({ exitCode: 1, stdout: "" });
      expect(saw.refused.stderr).toMatch(
        /^offhook: the event was not stored: the disk of .* is full; free some space there/,
      );
      expect(saw.whileFull).toMatchObject({
        exitCode: 1,
        text: expect.stringMatching(/^! .*the disk of .* is full: /m),
        trouble: {
          kind: "disk-full",
          since: expect.any(String),
          text: expect.stringMatching(/^the disk of .* is full/),
        },
      });
      // The outcome of what ran was written, and nothing was taken in meanwhile.
      expect(saw.stillFull).toMatchObject({ trouble: { kind: "disk-full" }, events: 1 });
      expect(saw.stillFull.waiting).toBeGreaterThan(0);
      expect(saw).toMatchObject({ refusedAny: true, lost: [], twice: [], notDone: [], dead: [], trouble: null });
      expect(saw.toldOfRoom).toBe(1);
      expect(saw.ballastAfter).toBe(saw.ballastBytes);
      expect(saw).toMatchObject({ timesSaid: 1, exitCode: 0 });
    }, 60_000);

    test("is no trouble for a daemon that is killed, started or ended on it", () => {
      const saw = seenOf("restarts");
      expect(saw).toMatchObject({ running: true, ended: 0, exitCode: 0 });
      expect(saw.slow).toMatchObject({ ok: 2, failed: 0, dead: 0 });
      expect(saw.spool).toMatchObject({ waiting: 0, bad: 0 });
      expect(saw.subjects).toEqual(["first.py", "late.py"]);
    }, 60_000);

    test("is told by a start that needs more room than there is; with a ballast it starts", () => {
      const saw = seenOf("first");
      expect(saw.withoutSettings.exitCode).not.toBe(0);
      expect(saw.withoutSettings.stderr).toMatch(/^error: .*(full|ENOSPC).*\ntry: /);
      expect(saw.withoutLedger).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/^error: the disk of .* is full: .*\ntry: /),
      });
      expect(saw.ballastBytes).toBeGreaterThan(200_000);
      expect(saw).toMatchObject({ trouble: { kind: "disk-full" }, ok: 1, exitCode: 0 });
    }, 60_000);

    test("that no figure tells of, as with a quota, is found out by writing, both that it is full and that it is over", () => {
      const saw = seenOf("quota");
      expect(saw).toMatchObject({ ballastBytes: 327_680, gaveRoom: true, met: { kind: "disk-full" }, stillFull: true });
      expect(saw.met.text).toMatch(/is full: disk I\/O error; make room on its disk$/);
      expect(saw.heldBytes).toBeLessThan(327_680);
      expect(saw).toMatchObject({ over: ["disk-full"], after: null, ballastAfter: 327_680 });
    }, 60_000);
  });
}

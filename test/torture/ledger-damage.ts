// What may become of a ledger's files, the lock and the socket: a bad disk, a copy that was broken off, somebody who cleaned up.
import { Database } from "bun:sqlite";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Dice } from "./dice.ts";

export type LedgerDamage = {
  what: string;
  /** The file of the home that is damaged. */
  file: string;
  /** The daemon that had it was killed: its -wal and -shm are there. */
  isKilled: boolean;
  /** A daemon may say that it cannot go on like this, until a person moved it away. */
  mayRefuse: boolean;
  damage(path: string, dice: Dice): void;
  /** What a person does about it. */
  mend(path: string): void;
};

const PAGE_BYTES = 4096;

/** What a file may suffer, by its path. */
type Change = [what: string, change: (path: string, dice: Dice) => void];

function changed(path: string, change: (bytes: Buffer) => Uint8Array): void {
  writeFileSync(path, change(existsSync(path) ? readFileSync(path) : Buffer.alloc(PAGE_BYTES)));
}

function flip(bytes: Buffer, from: number, to: number, count: number, dice: Dice): Buffer {
  for (let done = 0; done < count && to > from; done++) {
    const at = dice.between(from, to - 1);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8));
  }
  return bytes;
}

/** The number of a page of these bytes, from 0. */
const pageIn = (bytes: Buffer, dice: Dice) => dice.below(Math.max(1, Math.floor(bytes.length / PAGE_BYTES)));

const DAMAGED: Change[] = [
  ["cut off anywhere", (path, dice) => changed(path, (bytes) => bytes.subarray(0, dice.below(bytes.length + 1)))],
  ["one bit flipped", (path, dice) => changed(path, (bytes) => flip(bytes, 0, bytes.length, 1, dice))],
  ["bits flipped", (path, dice) => changed(path, (bytes) => flip(bytes, 0, bytes.length, dice.between(2, 64), dice))],
  [
    "bits flipped in its header",
    (path, dice) => changed(path, (bytes) => flip(bytes, 0, Math.min(100, bytes.length), dice.between(1, 4), dice)),
  ],
  [
    "a page of zeros",
    (path, dice) =>
      changed(path, (bytes) => {
        const at = pageIn(bytes, dice) * PAGE_BYTES;
        return bytes.fill(0, at, at + PAGE_BYTES);
      }),
  ],
  ["zeros to its end", (path, dice) => changed(path, (bytes) => bytes.fill(0, dice.below(bytes.length + 1)))],
  ["nothing but zeros", (path) => changed(path, (bytes) => bytes.fill(0))],
  ["random bytes", (path, dice) => changed(path, (bytes) => dice.bytes(bytes.length))],
  ["a text", (path) => writeFileSync(path, "Dear diary,\n".repeat(1003))],
  ["empty", (path) => writeFileSync(path, "")],
  ["gone", (path) => rmSync(path, { force: true })],
  [
    "another's bytes behind its end",
    (path, dice) => changed(path, (bytes) => Buffer.concat([bytes, dice.bytes(dice.between(1, 9001))])),
  ],
];

const OF_A_DATABASE: Change[] = [
  [
    "two pages exchanged",
    (path, dice) =>
      changed(path, (bytes) => {
        const [one, other] = [pageIn(bytes, dice) * PAGE_BYTES, pageIn(bytes, dice) * PAGE_BYTES];
        const kept = Buffer.from(bytes.subarray(one, one + PAGE_BYTES));
        bytes.copy(bytes, one, other, other + PAGE_BYTES);
        kept.copy(bytes, other);
        return bytes;
      }),
  ],
  ["cut off between two pages", (path, dice) => truncateSync(path, pageIn(readFileSync(path), dice) * PAGE_BYTES)],
  [
    "another program's database",
    (path) => {
      rmSync(path);
      const db = new Database(path);
      db.run("CREATE TABLE songs (title TEXT)");
      db.close();
    },
  ],
];

/** Things that are no files. */
const REPLACED: Change[] = [
  [
    "a directory",
    (path) => {
      rmSync(path, { force: true });
      mkdirSync(join(path, "deep"), { recursive: true });
    },
  ],
  [
    "a FIFO",
    (path) => {
      rmSync(path, { force: true });
      Bun.spawnSync(["mkfifo", path]);
    },
  ],
  [
    "a link to nowhere",
    (path) => {
      rmSync(path, { force: true });
      symlinkSync("/nowhere/at/all", path);
    },
  ],
  [
    "a link to itself",
    (path) => {
      rmSync(path, { force: true });
      symlinkSync(path, path);
    },
  ],
];

const removed = (path: string) => rmSync(path, { recursive: true, force: true });

function each(file: string, isKilled: boolean, mayRefuse: boolean, changes: readonly Change[]): LedgerDamage[] {
  return changes.map(([what, damage]) => ({
    what: `${file}: ${what}`,
    file,
    isKilled,
    mayRefuse,
    damage,
    mend: removed,
  }));
}

/** `PRAGMA user_version`: 4 bytes at 60 (sqlite.org/fileformat2.html). */
function writeVersion(path: string, version: number): void {
  changed(path, (bytes) => {
    bytes.writeUInt32BE(version, 60);
    return bytes;
  });
}

const NEWER: LedgerDamage = {
  what: "ledger.db: of a newer version",
  file: "ledger.db",
  isKilled: false,
  mayRefuse: true,
  damage(path) {
    copyFileSync(path, `${path}.kept`);
    writeVersion(path, 999);
  },
  mend: (path) => copyFileSync(`${path}.kept`, path),
};

const DATABASE = [...DAMAGED, ...OF_A_DATABASE];

/** All of them, those of the database itself several times. */
export const LEDGER_DAMAGES: readonly LedgerDamage[] = [
  ...each("ledger.db", false, false, DATABASE),
  ...each("ledger.db", true, false, DATABASE),
  ...each("ledger.db-wal", true, false, DAMAGED),
  ...each("ledger.db", false, false, DATABASE),
  ...each("ledger.db-shm", true, false, DAMAGED),
  ...each("ledger.db", true, false, DATABASE),
  NEWER,
  ...["ledger.db", "ledger.db-wal", "ledger.db-shm"].flatMap((file) => each(file, true, true, REPLACED)),
  ...["daemon.lock", "control.sock", "ledger.suspect"].flatMap((file) => [
    ...each(file, true, true, REPLACED),
    ...each(file, true, false, DAMAGED.slice(6, 10)),
  ]),
];

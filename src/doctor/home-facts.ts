// What the home looks like from outside: its owner, its modes, its disk. Looks only: checkHome, which also mends, is asked only where
// there is nothing to mend.
import { lstatSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";
import { nodeNameOf } from "../config/node.ts";
import { pathsOf } from "../config/paths.ts";
import { roomOfDisk } from "../daemon/ballast.ts";
import { messageOf } from "../errors.ts";
import { refuseNetworkFileSystem } from "../ledger/local-disk.ts";
import { checkHome, HomeError } from "../spool/home.ts";

/** Something in the home that lets others do more than they should; modes are the permission bits. */
export type Wide = { path: string; mode: number; wanted: number };

export type HomeFacts = {
  path: string;
  exists: boolean;
  /** Why it cannot be used, and what to do; null: it can. */
  refusal: { text: string; hint: string } | null;
  wide: Wide[];
  /** Null: not to be had. */
  freeBytes: number | null;
  /** Why its file system is none for a ledger; null: it is one. */
  network: string | null;
  /** What is wrong with config.toml; null: nothing. */
  configError: string | null;
};

const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;

/** Looks at a home, which may not be there. Changes nothing. */
export function lookAtHome(path: string): HomeFacts {
  const stats = statsAt(path);
  const wide = stats === undefined ? [] : wideIn(path);
  const isOpen = wide.some((one) => one.path === path);
  const refusal = isOpen ? null : refusalOf(path);
  const usable = stats !== undefined && refusal === null;
  return {
    path,
    exists: stats !== undefined,
    refusal,
    wide,
    freeBytes: freeBytesAt(stats === undefined ? dirname(path) : path),
    network: usable ? networkOf(path) : null,
    configError: usable ? nodeNameOf(path).error : null,
  };
}

/** What others may read or write of a home: the home and what holds secrets must be ours alone, its directories ours to write. */
function wideIn(home: string): Wide[] {
  const { consumers, secrets, ledger, logs } = pathsOf(home);
  const inside = ["spool", "spool/new", "spool/tmp", "spool/bad"].map((name) => join(home, name));
  const files = [secrets, ledger, `${ledger}-wal`];
  return [
    ...wideAt(home, OTHERS),
    ...[...inside, consumers, logs].flatMap((path) => wideAt(path, OTHERS_WRITE)),
    ...files.flatMap((path) => wideAt(path, OTHERS)),
  ];
}

/** Undefined where nothing is, or nothing that we may look at: checkHome says what is in the way. */
function statsAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function wideAt(path: string, tooMuch: number): Wide[] {
  const stats = statsAt(path);
  if (stats === undefined || !(stats.isDirectory() || stats.isFile()) || stats.uid !== process.geteuid?.()) return [];
  const mode = stats.mode & 0o777;
  return (mode & tooMuch) === 0 ? [] : [{ path, mode, wanted: mode & ~OTHERS }];
}

function refusalOf(path: string): HomeFacts["refusal"] {
  try {
    checkHome(path);
    return null;
  } catch (error) {
    return error instanceof HomeError
      ? { text: error.message, hint: error.hint }
      : { text: `the home cannot be used: ${messageOf(error)}`, hint: `look at what lies there: ls -la ${path}` };
  }
}

function freeBytesAt(path: string): number | null {
  try {
    return roomOfDisk(path).freeBytes;
  } catch {
    return null; // Nothing is there yet, or it may not be asked: what is wrong with the place is said elsewhere.
  }
}

function networkOf(path: string): string | null {
  try {
    refuseNetworkFileSystem(path);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

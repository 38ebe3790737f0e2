// The daemon: takes the lock, opens the ledger, and works (work.ts) until a signal. A ledger that turns out to be damaged is
// noted for the next start, which sets it aside.
import { ensureNodeConfig } from "../config/node.ts";
import { pathsOf } from "../config/paths.ts";
import { openSound, suspect } from "../stream/damaged-ledger.ts";
import { openLedger } from "../stream/ledger.ts";
import { makeDisk } from "./disk.ts";
import { takeLock } from "./lock.ts";
import { listenForSignals } from "./signals.ts";
import { later, steadyNow } from "./time.ts";
import { type DaemonOptions, work } from "./work.ts";

/** Runs until a signal, or until the ledger cannot be written any more, which throws. Errors: lock held (75), settings (78). */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { home, log } = options;
  const signals = listenForSignals();
  process.chdir(home);
  const startedAt = new Date().toISOString();
  await takeLock(home, { pid: process.pid, startedAt });

  const disk = makeDisk({ home, log, now: Date.now, steadyNow, later });
  const settings = disk.withRoom(() => ensureNodeConfig(home));
  const path = pathsOf(home).ledger;
  const open = () => openLedger(path, { now: Date.now, durability: settings.durability });
  const stream = disk.withRoom(() => openSound(path, { open, now: Date.now, log }));
  try {
    await work(options, { stream, settings, disk, signals, startedAt });
  } catch (error) {
    throw suspect(path, error);
  } finally {
    disk.stop();
    stream.close();
  }
}

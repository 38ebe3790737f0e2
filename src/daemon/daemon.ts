// The daemon: takes the lock, opens the ledger, and works (work.ts) until a signal. A ledger that turns out to be damaged is
// noted for the next start, which sets it aside.
import { consumerNames } from "../config/load.ts";
import { ensureNodeConfig } from "../config/node.ts";
import { pathsOf } from "../config/paths.ts";
import { openSound, suspect } from "../ledger/damaged.ts";
import { openLedger } from "../ledger/ledger.ts";
import { type Notify, openNotify } from "../system/notify.ts";
import { makeDisk } from "./disk.ts";
import { takeLock } from "./lock.ts";
import { listenForSignals, type Signals } from "./signals.ts";
import { later, steadyNow } from "./time.ts";
import { type DaemonOptions, work } from "./work.ts";

/** Runs until a signal, or until the ledger cannot be written any more, which throws. Errors: lock held (75), settings (78). */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { home, log } = options;
  const notify = openNotify();
  const serving = () => `${consumerNames(home).length} consumer files in ${home}`;
  const signals = notifying(listenForSignals(), notify, serving);
  process.chdir(home);
  const startedAt = new Date().toISOString();
  await takeLock(home, { pid: process.pid, startedAt });

  const disk = makeDisk({ home, log, now: Date.now, steadyNow, later });
  const settings = disk.withRoom(() => ensureNodeConfig(home));
  const path = pathsOf(home).ledger;
  const open = () => openLedger(path, { now: Date.now, durability: settings.durability });
  const stream = disk.withRoom(() => openSound(path, { open, now: Date.now, log }));
  try {
    const onReady = () => {
      options.onReady();
      notify.ready(serving());
      notify.beat();
    };
    await work({ ...options, onReady }, { stream, settings, disk, signals, startedAt });
  } catch (error) {
    throw suspect(path, error);
  } finally {
    disk.stop();
    stream.close();
  }
}

/** The same signals, of which the service manager that started us is told too. */
function notifying(signals: Signals, notify: Notify, serving: () => string): Signals {
  void signals.stop.then(() => notify.stopping());
  return {
    ...signals,
    onReload: (reload) =>
      signals.onReload(() => {
        notify.reloading();
        reload();
        notify.ready(serving());
      }),
  };
}

// A change that a command asks for: the daemon carries it out, or where none runs the command itself, which takes the daemon's
// lock for as long as that takes. The same code does it either way.
import { existsSync } from "node:fs";
import { consumerNames, loadConsumers } from "../config/load.ts";
import { ensureNodeConfig } from "../config/node.ts";
import { pathsOf } from "../config/paths.ts";
import { loadSecrets } from "../config/secrets.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { realPathFinder } from "../event/project.ts";
import { openInspection } from "../ledger/inspect.ts";
import { openLedger } from "../ledger/ledger.ts";
import { type Answer, applyChange, type Change } from "./change.ts";
import { askForChange } from "./control.ts";
import { lockHolder, takeLock } from "./lock.ts";

/**
 * Has a change carried out; `home` is null where there is none yet. Errors: as applyChange says; there is nothing to change
 * yet (66); a daemon holds the home and does not answer (75).
 */
export async function carryOut<C extends Change>(home: string | null, change: C): Promise<Answer<C>> {
  if (home === null || !existsSync(pathsOf(home).ledger)) {
    throw new OffhookError(
      EXIT.notFound,
      "nothing is there yet to change: no daemon has run in this home",
      "offhook consume",
    );
  }
  const holder = lockHolder(home);
  // Another command that changes something is waited for; a daemon is asked.
  if (holder === null || holder.command !== undefined) return carryOutHere(home, change);
  return askForChange(home, holder.pid, change);
}

async function carryOutHere<C extends Change>(home: string, change: C): Promise<Answer<C>> {
  await takeLock(home, { pid: process.pid, startedAt: new Date().toISOString(), command: change.kind });
  const path = pathsOf(home).ledger;
  // No event is appended here, which is all that durability is about.
  const stream = openLedger(path, { now: Date.now, durability: "power" });
  try {
    return await applyChange(change, {
      stream,
      inspect: () => openInspection(path),
      consumerNamed: (name) =>
        loadConsumers(home, loadSecrets(home)).consumers.find((consumer) => consumer.name === name) ?? null,
      fileNames: () => consumerNames(home),
      isOff: (name) => ensureNodeConfig(home).disabled.includes(name),
      isRunning: () => false,
      realPath: realPathFinder({ now: Date.now }),
      now: Date.now,
      // Nothing runs here: the next daemon finds everything in the ledger.
      reopen: () => undefined,
      forgotten: () => undefined,
      advance: () => undefined,
    });
  } finally {
    stream.close();
  }
}

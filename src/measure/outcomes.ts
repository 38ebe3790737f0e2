// What became of the events of a scratch home at one consumer, as its ledger has it, with the times that no command tells.
import { pathsOf } from "../config/paths.ts";
import { inspectionOn } from "../ledger/inspect.ts";
import { openForReading } from "../ledger/opening.ts";

/** One delivery that ended. `settledMs` is the daemon's clock within the transaction that stores the outcome, in ms since 1970. */
export type Outcome = { state: string; stdout: string; settledMs: number };

/** The outcomes of a consumer's deliveries by the call of a tool that its event is about. Throws where there is no ledger. */
export function outcomesOf(home: string, consumer: string): Map<string, Outcome> {
  const db = openForReading(pathsOf(home).ledger);
  if (db === null) throw new Error(`no ledger in ${home}`);
  try {
    const inspection = inspectionOn(db);
    const settled = db.query("SELECT settled_ms AS ms FROM deliveries WHERE id = ? AND settled_ms IS NOT NULL");
    const outcomes = new Map<string, Outcome>();
    for (const { id, seqs, state, attempts } of inspection.deliveries({
      consumer,
      state: null,
      session: null,
      limit: null,
    })) {
      const at = settled.get(id) as { ms: number } | null;
      const toolUseId = inspection.eventAt(seqs[0] ?? 0)?.toolUseId ?? null;
      if (at === null || toolUseId === null) continue;
      outcomes.set(toolUseId, { state, stdout: attempts.at(-1)?.stdout ?? "", settledMs: at.ms });
    }
    return outcomes;
  } finally {
    db.close();
  }
}

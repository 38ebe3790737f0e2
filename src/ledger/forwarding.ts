// The ledger's half for forwarding to a cluster: which ledger this is, and how far its forwarder is beside its group's cursor.
import { CLUSTER_GROUP } from "../stream/cluster-group.ts";
import type { Forwarding, ForwardLog } from "../stream/stream.ts";
import type { LedgerHandle } from "./handle.ts";

/** The verbs of forwarding on an open ledger. */
export function forwardLog({ db, now }: LedgerHandle): ForwardLog {
  const sql = {
    forwarding: db.query(
      "SELECT origin, began_seq AS beganSeq, known_seq AS knownSeq, again_seq AS againSeq FROM forwarding WHERE consumer = ?",
    ),
    note: db.query(
      "INSERT OR REPLACE INTO forwarding (consumer, origin, began_seq, known_seq, again_seq) VALUES (?, ?, ?, ?, ?)",
    ),
    // As it is made with the tables: 12 hexadecimal digits.
    renew: db.query("UPDATE identity SET ledger = lower(hex(randomblob(6))) RETURNING ledger"),
    end: db.query("UPDATE groups SET removed_ms = ? WHERE consumer = ? AND removed_ms IS NULL"),
  };
  return {
    forwarding: () => sql.forwarding.get(CLUSTER_GROUP) as Forwarding | null,
    noteForwarding: ({ origin, beganSeq, knownSeq, againSeq }) =>
      void sql.note.run(CLUSTER_GROUP, origin, beganSeq, knownSeq, againSeq),
    renewLedgerId: () => (sql.renew.get() as { ledger: string }).ledger,
    endForwarding: () => void sql.end.run(now(), CLUSTER_GROUP),
  };
}

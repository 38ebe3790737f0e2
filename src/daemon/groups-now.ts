// Where the groups of a ledger stand, for the daemon's own answers: looked at by a connection of its own, which writes nothing.
import type { GroupState } from "../ledger/group-state.ts";
import { openInspection } from "../ledger/inspect.ts";

/** Gives what looks; where the ledger cannot be read it tells `onTrouble` and sees nothing. */
export function groupsOf(ledgerPath: string, onTrouble: (error: unknown) => void): () => GroupState[] {
  return () => {
    try {
      const inspection = openInspection(ledgerPath);
      const groups = inspection?.groups(Date.now()) ?? [];
      inspection?.close();
      return groups;
    } catch (error) {
      onTrouble(error);
      return [];
    }
  };
}

// Whether this node takes part in its cluster, and if not, why and for how long. Says each change once.

export type Standing = {
  /** Why not; null: it does. */
  set(text: string | null): void;
  /** Null: it takes part. */
  trouble(): { text: string; forMs: number } | null;
};

/** Begins with a node that has not connected yet. */
export function makeStanding(steadyNow: () => number, log: (line: string) => void): Standing {
  let trouble: { text: string; sinceMs: number } | null = { text: "not connected yet", sinceMs: steadyNow() };
  return {
    set(text) {
      if (text === trouble?.text || (text === null && trouble === null)) return;
      log(`cluster: ${text ?? "this node takes part"}`);
      trouble = text === null ? null : { text, sinceMs: trouble?.sinceMs ?? steadyNow() };
    },
    trouble: () => (trouble === null ? null : { text: trouble.text, forMs: steadyNow() - trouble.sinceMs }),
  };
}

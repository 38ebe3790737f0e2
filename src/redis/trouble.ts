// What can go wrong between us and a Redis, sorted by what the caller can do about it. Pure.

/**
 * unreachable: it was not carried out, and may be later. timeout, closed: it MAY have been carried out. refused: a person has to
 * act (password, TLS, permission). not-primary: not carried out, another server is looked for. full: takes no writes for want of
 * memory or disk.
 */
export type TroubleKind = "unreachable" | "timeout" | "closed" | "refused" | "not-primary" | "full";

export class RedisTrouble extends Error {
  override readonly name = "RedisTrouble";

  constructor(
    readonly kind: TroubleKind,
    message: string,
    /** Whether waiting may mend it. */
    readonly isPassing = kind !== "refused",
  ) {
    super(message);
  }
}

/** First word of a server's error -> what it means to us, and in which words. The rest of the words are the server's. */
const ERRORS: Record<string, { kind: TroubleKind; text?: string }> = {
  READONLY: { kind: "not-primary" },
  UNBLOCKED: { kind: "not-primary" }, // a blocked reader, when a primary becomes a replica
  MASTERDOWN: { kind: "not-primary" },
  OOM: { kind: "full" },
  MISCONF: { kind: "full" }, // it cannot write to its disk
  LOADING: { kind: "unreachable", text: "the server is still loading its data" },
  BUSY: { kind: "unreachable", text: "the server is busy with somebody's script" },
  NOREPLICAS: { kind: "unreachable", text: "the server has fewer replicas than its min-replicas-to-write" },
  NOAUTH: { kind: "refused", text: "the server wants a user and a password" },
  NOPERM: { kind: "refused" },
  MOVED: { kind: "refused", text: "the server is part of a Redis Cluster, which offhook does not speak" },
  CLUSTERDOWN: { kind: "refused", text: "the server is part of a Redis Cluster, which offhook does not speak" },
};

/** What a server's error reply means; null for an error of the command itself. */
export function troubleOfReply(reply: string): RedisTrouble | null {
  // Redis 7.0 says NOPERM in these words when it happens inside a script.
  if (reply.startsWith("ERR The user executing the script can't")) {
    return new RedisTrouble("refused", `our user lacks a permission, which ACL LOG on the server names: ${reply}`);
  }
  const known = ERRORS[/^[A-Z]+/.exec(reply)?.[0] ?? ""];
  return known === undefined ? null : new RedisTrouble(known.kind, known.text ?? reply);
}

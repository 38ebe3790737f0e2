// What a server says of its part in replication (ROLE). Pure.

export type Role =
  | { kind: "primary"; replicas: number }
  | { kind: "replica"; of: string }
  | { kind: "other"; text: string };

/** Reads a reply of ROLE: ["master", offset, [[host, port, offset], ...]] or ["slave", host, port, state, offset]. */
export function readRole(reply: unknown): Role {
  const [kind, second, third] = Array.isArray(reply) ? reply : [];
  if (kind === "master") return { kind: "primary", replicas: Array.isArray(third) ? third.length : 0 };
  if (kind === "slave") return { kind: "replica", of: `${second}:${third}` };
  return { kind: "other", text: String(kind ?? "nothing") };
}

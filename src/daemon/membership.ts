// Whether this daemon is part of a cluster: only then is anything of Redis loaded.
import type { Member, MemberDeps } from "../cluster/member.ts";
import type { NodeConfig } from "../config/node.ts";
import type { Stream } from "../stream/stream.ts";

/** Joins the cluster that config.toml names; null: it names none, and what a cluster held back here is let go of. */
export async function joinIfAsked(
  { cluster, name }: NodeConfig,
  deps: Omit<MemberDeps, "cluster" | "node"> & { stream: Stream },
): Promise<Member | null> {
  if (cluster === null) {
    deps.stream.endForwarding();
    return null;
  }
  const { joinAsMember } = await import("../cluster/member.ts");
  return joinAsMember({ ...deps, cluster, node: name });
}

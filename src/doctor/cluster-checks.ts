// Findings about the cluster: is its Redis there and safe, do the clocks agree, does the daemon take part. Pure.
import type { DaemonState } from "../daemon/control.ts";
import type { ServerFinding } from "../redis/server-check.ts";
import { type ExaminedRedis, skewFinding } from "../setup/redis-look.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import { counted, doubtful, type Finding, span, well, wrong } from "./finding.ts";

/** Events on their way for longer than this do not get there by themselves. */
const LATE_MS = 60_000;

/** Judges [cluster] of a config.toml (`where`); `state`: the daemon as it answers, null: it does not, or none runs. */
export function clusterFindings(facts: ClusterFacts, state: DaemonState | null, where: string): Finding[] {
  if (facts.kind === "incomplete")
    return [wrong("cluster", "cluster", facts.why, { where, mend: facts.hint ?? "mend config.toml" })];
  return [...redisFindings(facts.redis, where), ...memberFindings(state)];
}

function redisFindings(redis: ExaminedRedis, where: string): Finding[] {
  if (redis.kind === "unreached")
    return [
      wrong("cluster", "redis", `Redis was not reached: ${redis.why}`, {
        where,
        mend: redis.isRefused
          ? "offhook setup --cluster, or mend the user there"
          : "see that it runs and is let through; what is to go there waits on this node",
      }),
    ];
  const { at, server, findings, skewMs } = redis;
  return [
    ...(findings.some(({ level }) => level === "refused")
      ? []
      : [well("cluster", "redis", `${server} at ${at} answers, and takes what offhook writes`)]),
    ...findings.map(serverFinding),
    ...clockFindings(skewMs),
  ];
}

function serverFinding({ level, text, hint }: ServerFinding): Finding {
  switch (level) {
    case "refused":
      return wrong("cluster", "redis", text, { mend: hint });
    case "unsafe":
      return doubtful("cluster", "redis-unsafe", text, { mend: hint });
    case "advice":
      return doubtful("cluster", "redis-advice", text, { mend: hint });
    default:
      return level satisfies never;
  }
}

function clockFindings(skewMs: number | null): Finding[] {
  const skewed = skewFinding(skewMs);
  if (skewed !== null) return [doubtful("cluster", "clock", skewed.text, { mend: skewed.hint })];
  return skewMs === null ? [] : [well("cluster", "clock", "Redis's clock and this machine's agree")];
}

function memberFindings(state: DaemonState | null): Finding[] {
  if (state === null) return []; // That none runs is a finding of its own.
  if (state.cluster === undefined)
    return [
      doubtful("cluster", "member", "the daemon was started before [cluster] was written, and takes no part", {
        mend: "offhook service restart, or end it and start it again",
      }),
    ];
  const { trouble, isNameTaken = false, forward, nodes } = state.cluster;
  const mend = isNameTaken
    ? "give this node another name in config.toml, and start the daemon again"
    : "it goes on by itself once that is over";
  const isLate = forward.oldestMs !== null && forward.oldestMs > LATE_MS;
  return [
    trouble === null
      ? well("cluster", "member", `the daemon takes part, among ${counted(nodes, "live node")}`)
      : wrong("cluster", "member", `the daemon takes no part: ${trouble}`, { mend }),
    ...(forward.isFull
      ? [
          wrong("cluster", "forward", `Redis holds as many events as it may, and ${waiting(forward)}`, {
            mend: "see who is behind: offhook status; or raise cap in config.toml",
          }),
        ]
      : isLate || (forward.trouble !== null && forward.lag > 0)
        ? [doubtful("cluster", "forward", `${waiting(forward)}${because(forward.trouble)}`, { mend: "offhook status" })]
        : []),
  ];
}

function waiting({ lag, oldestMs }: { lag: number; oldestMs: number | null }): string {
  const events = `${counted(lag, "event")} ${lag === 1 ? "waits" : "wait"} here to be sent`;
  return oldestMs === null ? events : `${events}, for up to ${span(oldestMs)}`;
}

function because(trouble: string | null): string {
  return trouble === null ? "" : `: ${trouble}`;
}

// What is wrong with a Redis for our purpose, and what to write in its configuration. Pure.
import type { ServerFacts } from "./server-facts.ts";

/** refused: it cannot be used. unsafe: what it confirmed may be lost or read. advice: could be better. */
export type ServerFinding = { level: "refused" | "unsafe" | "advice"; text: string; hint: string };

/** The oldest that the tests run against (7.0.15). */
const FLOOR = 7;

/**
 * A rule for a user that can do what offhook does and nothing else: its own keys, and no command that touches the whole server.
 * INFO and CONFIG GET are for `checkServer` only; without them its facts are unknown.
 */
export function aclRule(user: string, prefix: string): string {
  const commands = "-@all +@read +@write +@connection -@dangerous -@scripting +eval +evalsha +wait +time +role";
  return `user ${user} on >PASSWORD resetchannels ~{${prefix}}:* ${commands} +info +config|get`;
}

/** Findings in the order in which to mend them; none: nothing to say. `prefix`: what our keys begin with. */
export function checkServer(facts: ServerFacts, { prefix = "offhook" }: { prefix?: string } = {}): ServerFinding[] {
  return [...refusals(facts), ...dangers(facts), ...advice(facts, prefix)];
}

function refusals({ at, kind, version, role }: ServerFacts): ServerFinding[] {
  const findings: ServerFinding[] = [];
  if (version !== null && Number(version.split(".")[0]) < FLOOR) {
    findings.push({
      level: "refused",
      text: `${at} is ${nameOf(kind)} ${version}, and offhook needs Redis 7.0 or Valkey 7.2 or later`,
      hint: "install a later one; its data can stay where it is",
    });
  }
  if (role === "replica") {
    findings.push({
      level: "refused",
      text: `${at} is a replica: it takes no writes`,
      hint: "put the primary's address into url of [cluster]; a list is tried in turn",
    });
  }
  return findings;
}

function dangers(facts: ServerFacts): ServerFinding[] {
  const { at, maxmemoryPolicy, appendonly, appendfsync } = facts;
  const findings: ServerFinding[] = [];
  const unsafe = (text: string, hint: string) => findings.push({ level: "unsafe", text, hint });
  if (maxmemoryPolicy !== null && maxmemoryPolicy !== "noeviction") {
    unsafe(
      `${at} drops keys when its memory is full (maxmemory-policy ${maxmemoryPolicy})`,
      line(facts, "maxmemory-policy noeviction"),
    );
  }
  if (appendonly === false) {
    unsafe(`${at} forgets what is newest when it restarts (appendonly no)`, line(facts, "appendonly yes"));
  } else if (appendfsync === "no") {
    unsafe(`${at} leaves writing to the disk to chance (appendfsync no)`, line(facts, "appendfsync everysec"));
  }
  if (!facts.isTls && !facts.isPrivate) {
    unsafe(
      `${at} is spoken to in plain text over a network that is not private: events and the password can be read on the way`,
      `set tls-port, tls-cert-file and tls-key-file in ${fileOf(facts)}, then write rediss:// in url of [cluster]`,
    );
  }
  return findings;
}

function advice(facts: ServerFacts, prefix: string): ServerFinding[] {
  const { at, version, role, replicas, minReplicasToWrite, appendfsync } = facts;
  const findings: ServerFinding[] = [];
  const advise = (text: string, hint: string) => findings.push({ level: "advice", text, hint });
  if (role !== "replica" && replicas === 0) {
    advise(
      `${at} has no replica: with its disk all of it is lost`,
      `on a second server: replicaof ${at.replace(/:(?=\d+$)/, " ")} in ${fileOf(facts)}; add it to url of [cluster]`,
    );
  }
  if (replicas > 0 && minReplicasToWrite === 0) {
    advise(
      `${at} goes on alone when it loses its replicas (min-replicas-to-write 0)`,
      line(facts, "min-replicas-to-write 1"),
    );
  }
  if (facts.isOpen === true) {
    advise(
      `${at} lets everybody in who reaches it, without a password`,
      // Off, but with its rights: in a server's own file "off" alone takes them away, and as this user Redis reads its AOF. What
      // scripts wrote is skipped then (redis/redis#14541, valkey-io/valkey#3983; seen with 7.0.15).
      `in ${fileOf(facts)}: ${aclRule("offhook", prefix)}; then: user default off ~* &* +@all`,
    );
  }
  if (version === null) {
    advise(
      `our user may not ask ${at} for INFO, so it was hardly checked`,
      `ACL SETUSER ${facts.user ?? "default"} +info`,
    );
  }
  if (appendfsync === null || minReplicasToWrite === null) {
    advise(
      `our user may not ask ${at} for CONFIG GET, so appendfsync and min-replicas-to-write were not checked`,
      `ACL SETUSER ${facts.user ?? "default"} +config|get`,
    );
  }
  return findings;
}

/** One line for the file, and the same for the server that runs. */
function line(facts: ServerFacts, setting: string): string {
  return `write ${setting} in ${fileOf(facts)}, and for now: ${facts.kind}-cli CONFIG SET ${setting}`;
}

function fileOf({ kind }: ServerFacts): string {
  return `${kind}.conf`;
}

function nameOf(kind: ServerFacts["kind"]): string {
  return kind === "valkey" ? "Valkey" : "Redis";
}

// A look at the Redis of [cluster], for setup and the doctor: is it reached, may we write there, what is unsafe about it, does its
// clock agree with ours. Leaves nothing behind there.
import { oneLine } from "../cli/print.ts";
import type { ResolvedRedis } from "../config/redis-settings.ts";
import { messageOf } from "../errors.ts";
import { type Connection, connectOnce, RedisTrouble, script } from "../redis/connection.ts";
import { aclRule, checkServer, type ServerFinding } from "../redis/server-check.ts";
import { readServerFacts } from "../redis/server-facts.ts";
import type { ExaminedRedis } from "./redis-look.ts";

export { type ExaminedRedis, examinedLines, skewFinding } from "./redis-look.ts";

const ROUNDS = 3;

/** Looks, within about two times `timeoutMs`. `prefix`: what the keys begin with. Never throws for what Redis does. */
export async function examineRedis(
  settings: ResolvedRedis,
  { prefix, timeoutMs }: { prefix: string; timeoutMs: number },
): Promise<ExaminedRedis> {
  let connection: Connection | null = null;
  try {
    connection = await connectOnce(settings, { timeoutMs });
    const facts = await readServerFacts(connection, settings, { timeoutMs });
    const server = `${facts.kind === "valkey" ? "Valkey" : "Redis"} ${facts.version ?? "of an unknown version"}`;
    const findings = checkServer(facts);
    if (!findings.some(({ level }) => level === "refused"))
      findings.push(...(await writingFindings(connection, { at: facts.at, user: facts.user, prefix, timeoutMs })));
    const isUsable = !findings.some(({ level }) => level === "refused");
    const skewMs = isUsable ? await skewOf(connection, timeoutMs) : null;
    return { kind: "reached", at: facts.at, server, findings, skewMs };
  } catch (error) {
    if (!(error instanceof RedisTrouble)) throw error;
    return { kind: "unreached", why: error.message, isRefused: error.kind === "refused" };
  } finally {
    connection?.close();
  }
}

const TRY = script(
  "try",
  `
redis.call('TIME')
redis.call('XADD', KEYS[1], '1-0', 'e', '')
redis.call('HSET', KEYS[2], 'a', '1')
redis.call('XINFO', 'STREAM', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2])
return 'ok'
`,
);

/** Whether our user may do what offhook does, and whether the server takes writes now. */
async function writingFindings(
  connection: Connection,
  { at, user, prefix, timeoutMs }: { at: string; user: string | null; prefix: string; timeoutMs: number },
): Promise<ServerFinding[]> {
  const keys = ["stream", "hash"].map((name) => `{${prefix}}:try:${Bun.randomUUIDv7()}:${name}`);
  try {
    await connection.run(TRY, keys, [], { timeoutMs });
    return [];
  } catch (error) {
    const isPassing = error instanceof RedisTrouble && error.kind !== "refused";
    if (isPassing && error.kind !== "full" && !connection.isUp()) throw error;
    const text = oneLine(messageOf(error));
    return isPassing
      ? [
          {
            level: "unsafe",
            text: `${at} takes no writes now: ${text}`,
            hint: "events wait on the nodes until it does",
          },
        ]
      : [
          {
            level: "refused",
            text: `our user may not do on ${at} what offhook does: ${text}`,
            hint: `in its configuration: ${aclRule(user ?? "offhook", prefix)}`,
          },
        ];
  }
}

/** Of several rounds the one that took least: the time on the way is all that can be wrong. */
async function skewOf(connection: Connection, timeoutMs: number): Promise<number> {
  const rounds: { tookMs: number; skewMs: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const beganMs = Date.now();
    const [seconds, micros] = (await connection.send("TIME", [], { timeoutMs })) as [string, string];
    const endedMs = Date.now();
    const thereMs = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
    rounds.push({ tookMs: endedMs - beganMs, skewMs: thereMs - (beganMs + endedMs) / 2 });
  }
  rounds.sort((a, b) => a.tookMs - b.tookMs);
  return Math.round(rounds[0]?.skewMs ?? 0);
}

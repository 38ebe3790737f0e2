// The nodes of a cluster: a home each with a name of its own, the same consumer files, a real daemon of the binary.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endAllOf, type Life, startConsume } from "../consume.ts";
import type { Context } from "../row.ts";
import { ownersOf, type Seen } from "./redis-eye.ts";
import { within } from "./waiting.ts";

/** Of the nodes: short, so that what waits for it is soon done. */
export const LEASE_MS = 2000;
const STOP_MS = 20_000;
const JOIN_MS = 30_000;

export type Member = {
  name: string;
  home: string;
  /** Null: no daemon was started, or it was ended. */
  life(): Life | null;
  /** Starts its daemon and waits until it is ready; throws where it is not. */
  start(): Promise<void>;
  /** SIGKILL, to the daemon or to all that it started too: a process that is gone, a machine that is gone. */
  kill(what: "daemon" | "everything"): Promise<void>;
};

export type ClusterOptions = {
  count: number;
  urls: readonly string[];
  /** Texts of consumer files by name, the same on every node. */
  consumers: Record<string, string>;
  /** Default 8. */
  workers?: number;
  /** More lines of [cluster]. */
  more?: string;
  /** Words in front of a node's daemon. */
  before?(number: number): string[];
  /** A name for the homes' directory, where one row has several clusters. */
  name?: string;
};

export type Cluster = {
  members: readonly Member[];
  member(name: string): Member;
  startAll(): Promise<void>;
  /** TERM to all; a sentence for each that does not end with 0. */
  stopAll(): Promise<string[]>;
  /** What the daemons said last, for people. */
  said(): string;
};

/** Makes the homes; nothing runs yet. Everything that is started ends with the run. */
export function openCluster({ binary, place, undo }: Context, options: ClusterOptions): Cluster {
  const { count, urls, consumers, workers = 8, more = "", before = () => [], name: part = "" } = options;
  const members = Array.from({ length: count }, (_, number): Member => {
    const name = `n${number + 1}`;
    const home = join(place, part, name);
    mkdirSync(join(home, "consumers"), { recursive: true, mode: 0o700 });
    const url = JSON.stringify(urls.length === 1 ? urls[0] : urls);
    const settings = `name = "${name}"
workers = ${workers}

[cluster]
url = ${url}
lease = "${LEASE_MS / 1000}s"
${more}`;
    writeFileSync(join(home, "config.toml"), settings, { mode: 0o600 });
    for (const [consumer, text] of Object.entries(consumers))
      writeFileSync(join(home, "consumers", `${consumer}.toml`), text, { mode: 0o600 });
    undo(() => endAllOf(home));
    let life: Life | null = null;
    return {
      name,
      home,
      life: () => life,
      async start() {
        life = startConsume(binary, home, before(number));
        if (!(await life.isReady())) throw new Error(`${name} ended with ${life.end()}: ${life.output().slice(-2000)}`);
      },
      async kill(what) {
        life?.signal("SIGKILL");
        await life?.ended;
        if (what === "everything") await endAllOf(home);
        life = null;
      },
    };
  });
  return {
    members,
    member: (name) => members.find((one) => one.name === name) as Member,
    startAll: async () => void (await Promise.all(members.map((one) => one.start()))),
    async stopAll() {
      const ended = members.map(async (member) => {
        const life = member.life();
        if (life === null) return [];
        life.signal("SIGTERM");
        const end = await Promise.race([life.ended, Bun.sleep(STOP_MS).then(() => `nothing within ${STOP_MS} ms`)]);
        return end === 0 ? [] : [`${member.name} ended with ${end} after TERM: ${life.output().slice(-1500)}`];
      });
      return (await Promise.all(ended)).flat();
    },
    said: () => members.map((one) => `${one.name}: ${one.life()?.output().slice(-1200) ?? "ended"}`).join("\n"),
  };
}

/** Waits until every partition has an owner, shared evenly among the nodes that are to have some; throws what is so instead. */
export async function areOwned(
  { signal }: Pick<Context, "signal">,
  server: Seen,
  { consumer, partitions, among }: { consumer: string; partitions: number; among: readonly string[] },
  cluster: Cluster,
): Promise<void> {
  let owners: (string | null)[] = [];
  const most = Math.ceil(partitions / among.length);
  const areEven = async () => {
    owners = await ownersOf(server, consumer, partitions);
    const counts = among.map((name) => owners.filter((owner) => owner === name).length);
    return owners.every((owner) => owner !== null && among.includes(owner)) && counts.every((owned) => owned <= most);
  };
  if (await within(JOIN_MS, signal, areEven, 100)) return;
  throw new Error(`${consumer} is not owned as it should be: ${owners.map(String)}\n${cluster.said()}`);
}

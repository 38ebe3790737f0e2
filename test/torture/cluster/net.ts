// Network namespaces: a bridge of the machine's own, and for each node a namespace with an address on it, as a machine of its own
// would have. Root only. Everything has this process's number in its name and is taken away at the end; what an earlier run of the
// suite left behind (it was killed) is taken away first.
import { existsSync } from "node:fs";
import type { Context } from "../row.ts";

const IP = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].find((path) => existsSync(path)) ?? null;
const NSENTER = Bun.which("nsenter");
/** ofht PROCESS LETTERS NUMBER: interface names have at most 15 characters, and a process's number up to 7. */
const NAME = /^ofht(\d+)[a-z]+\d*$/;

export type Net = {
  /** The bridge's address, where a server listens that all nodes are to reach. */
  address: string;
  /** The words that run a command in a node's namespace. */
  inside(number: number): string[];
  /** Unplugs a node's cable, or plugs it in again. */
  plug(number: number, isIn: boolean): void;
};

/** Why rows with namespaces are skipped; null: they can be made here. */
export function missingNet(): string | null {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "needs root, for network namespaces";
  if (IP === null) return "ip is not here (Debian: iproute2)";
  if (NSENTER === null) return "nsenter is not here (Debian: util-linux)";
  const name = `ofht${process.pid}t`;
  const made = ip("netns", "add", name);
  if (made !== null) return `network namespaces cannot be made here: ${made}`;
  const bridge = ip("link", "add", "name", name, "type", "bridge");
  ip("netns", "del", name);
  if (bridge !== null) return `bridges cannot be made here: ${bridge}`;
  ip("link", "del", name);
  return null;
}

let nets = 0;

/** Makes a net of so many nodes. */
export function openNet({ undo }: Pick<Context, "undo">, count: number): Net {
  sweep();
  const prefix = `ofht${process.pid}${String.fromCharCode(97 + (nets++ % 26))}`;
  const block = freeBlock();
  const bridge = `${prefix}b`;
  undo(() => tidy("link", "del", bridge));
  must("link", "add", "name", bridge, "type", "bridge");
  must("addr", "add", `${block}.1/24`, "dev", bridge);
  must("link", "set", bridge, "up");
  for (let number = 0; number < count; number++) {
    const [space, outside, inside] = [`${prefix}n${number}`, `${prefix}v${number}`, `${prefix}w${number}`];
    undo(() => tidy("netns", "del", space));
    must("netns", "add", space);
    undo(() => tidy("link", "del", outside));
    must("link", "add", outside, "type", "veth", "peer", "name", inside);
    must("link", "set", inside, "netns", space);
    must("link", "set", outside, "master", bridge);
    must("link", "set", outside, "up");
    must("-n", space, "link", "set", "lo", "up");
    must("-n", space, "addr", "add", `${block}.${number + 11}/24`, "dev", inside);
    must("-n", space, "link", "set", inside, "up");
  }
  return {
    address: `${block}.1`,
    inside: (number) => [NSENTER ?? "nsenter", `--net=/run/netns/${prefix}n${number}`],
    plug: (number, isIn) => must("link", "set", `${prefix}v${number}`, isIn ? "up" : "down"),
  };
}

/** 198.18.0.0/15 is for tests of networks (RFC 2544): one of its blocks that this machine does not use. */
function freeBlock(): string {
  const used = output("-o", "addr", "show");
  for (let part = 0; part < 256; part++) {
    const block = `198.18.${(process.pid + part) % 256}`;
    if (!used.includes(` ${block}.`)) return block;
  }
  throw new Error("no block of addresses is free");
}

function sweep(): void {
  const isLeft = (name: string) => {
    const owner = NAME.exec(name)?.[1];
    return owner !== undefined && !existsSync(`/proc/${owner}`);
  };
  for (const line of output("netns", "list").split("\n")) {
    const [name = ""] = line.split(" ");
    if (isLeft(name)) tidy("netns", "del", name);
  }
  for (const [, name = ""] of output("-o", "link", "show").matchAll(/^\d+: ([^:@]+)/gm))
    if (isLeft(name)) tidy("link", "del", name);
}

/** Runs ip; null: it went well, else what it says. */
function ip(...words: string[]): string | null {
  const { exitCode, stderr } = Bun.spawnSync([IP ?? "ip", ...words], { stdin: "ignore", stdout: "ignore" });
  return exitCode === 0 ? null : stderr.toString().trim() || `exit ${exitCode}`;
}

function must(...words: string[]): void {
  const said = ip(...words);
  if (said !== null) throw new Error(`ip ${words.join(" ")}: ${said}`);
}

/** For what may have gone with something else: a cable goes with its namespace. */
function tidy(...words: string[]): void {
  const said = ip(...words);
  if (said !== null && !/Cannot find device|No such file/.test(said)) throw new Error(`ip ${words.join(" ")}: ${said}`);
}

function output(...words: string[]): string {
  return Bun.spawnSync([IP ?? "ip", ...words], { stdin: "ignore", stderr: "ignore" }).stdout.toString();
}

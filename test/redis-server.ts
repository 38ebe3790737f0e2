// Real Redis servers for tests: on loopback, on a free port, with their data in a scratch directory. OFFHOOK_REDIS_SERVER names
// another program than redis-server (valkey-server). They end with the tests of their file, and with this process.
import { afterAll } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRunApart } from "./run-apart.ts";

const SERVER = process.env.OFFHOOK_REDIS_SERVER || "redis-server";
const CLI = SERVER.replace(/-server$/, "-cli");
/** Who asks by `cli`: there whatever a test's own rules say. */
const HARNESS = { user: "harness", password: "harness" };
const PATIENCE_MS = 30_000;

const isApart = isRunApart("redis");
/** Whether this machine has the server's program; tests are skipped with this as the reason where it is null. */
export const redisProgram: string | null = isApart ? null : Bun.which(SERVER);
const why = isApart ? "left to scripts/test-cluster" : "redis-server is not installed";
/** At the end of the name of what needs it: why it is skipped. */
export const noRedis = redisProgram === null ? ` (reason: ${why})` : "";

export type RedisOptions = {
  /** TLS only, with a certificate of an authority of its own (`ca`) for 127.0.0.1 and localhost, or for another name. */
  tls?: boolean | { name: string };
  /** Users, each as in redis.conf without the word "user": "default off", "app on >secret ~{offhook}:* +@all". */
  acl?: string[];
  /** Follows this server. */
  replicaOf?: { port: number };
  /** Default: false, nothing is written to disk. */
  appendonly?: boolean;
  /** Data of an earlier server. Default: a new scratch directory. */
  dir?: string;
  /** Default: a free one. */
  port?: number;
  /** More lines of redis.conf. */
  config?: string[];
};

export type RedisServer = {
  /** redis:// or rediss://, without a user. */
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now. */
  readonly pid: number;
  readonly dir: string;
  /** PEM of the authority that signed the certificate; null without TLS. */
  readonly ca: string | null;
  /** What the server wrote to its log. */
  log(): string;
  kill9(): Promise<void>;
  /** Asks it to end, as a service manager does. A frozen one is killed. */
  stop(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Starts it again on the same port and data, ending it (kill -9) where it still runs. Ready when this is. */
  restart(): Promise<void>;
  /** redis-cli with these words; its output without the last newline. Throws where it fails. */
  cli(...args: string[]): Promise<string>;
};

const started = new Set<{ kill(): void; dir: string }>();

/** Starts a server and waits until it answers. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  if (redisProgram === null) throw new Error(`${SERVER} is not installed`);
  const dir = options.dir ?? realpathSync(mkdtempSync(join(tmpdir(), "offhook-redis-")));
  const ca = options.tls ? await makeCertificates(dir, options.tls === true ? null : options.tls.name) : null;
  let port = options.port ?? (await freePort());
  let child = start();
  const kept = { kill: () => child.kill("SIGKILL"), dir };
  started.add(kept);
  let isFrozen = false;

  function start() {
    const file = join(dir, "redis.conf");
    writeFileSync(file, configText(dir, port, options));
    const command = [redisProgram as string, file];
    // Ends with us even when we are killed, where the system can do that.
    const tied = Bun.which("setpriv");
    if (tied !== null) command.unshift(tied, "--pdeathsig", "KILL");
    return Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore", cwd: dir });
  }

  async function cli(...args: string[]): Promise<string> {
    const login = ["--user", HARNESS.user, "--pass", HARNESS.password, "--no-auth-warning"];
    const tls = ca === null ? [] : ["--tls", "--cacert", join(dir, "ca.crt")];
    const asked = Bun.spawn([CLI, "-h", "127.0.0.1", "-p", String(port), ...login, ...tls, "-e", ...args], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: PATIENCE_MS,
    });
    const [out, said] = await Promise.all([asked.stdout.text(), asked.stderr.text(), asked.exited]);
    if (asked.exitCode !== 0) throw new Error(`redis-cli ${args.join(" ")}: ${said}${out}`);
    return out.replace(/\n$/, "");
  }

  /** Whether it is there; false: it ended, most likely because somebody else took the port. */
  async function isReady(): Promise<boolean> {
    const deadline = performance.now() + PATIENCE_MS;
    while (child.exitCode === null && child.signalCode === null) {
      if ((await cli("PING").catch(() => "")) === "PONG") return true;
      if (performance.now() > deadline) throw new Error(`the server does not answer: ${server.log()}`);
      await Bun.sleep(10);
    }
    return false;
  }

  const server: RedisServer = {
    get url() {
      return `${ca === null ? "redis" : "rediss"}://127.0.0.1:${port}`;
    },
    get port() {
      return port;
    },
    get pid() {
      return child.pid;
    },
    dir,
    ca,
    log: () => (existsSync(join(dir, "log")) ? readFileSync(join(dir, "log"), "utf8") : ""),
    async kill9() {
      child.kill("SIGKILL");
      await child.exited;
      isFrozen = false;
    },
    async stop() {
      child.kill(isFrozen ? "SIGKILL" : "SIGTERM");
      await child.exited;
      isFrozen = false;
    },
    freeze() {
      child.kill("SIGSTOP");
      isFrozen = true;
    },
    thaw() {
      child.kill("SIGCONT");
      isFrozen = false;
    },
    async restart() {
      await server.kill9();
      child = start();
      if (!(await isReady())) throw new Error(`the server did not come back: ${server.log()}`);
    },
    cli,
  };

  for (let tries = 0; !(await isReady()); tries++) {
    if (options.port !== undefined || tries === 5) throw new Error(`the server does not start: ${server.log()}`);
    port = await freePort();
    child = start();
  }
  return server;
}

/** Ends every server and removes what they wrote; done by itself after the last test of a file that runs alone. */
export function endServers(): void {
  for (const one of started) {
    one.kill();
    // Again and again: what is killed may still be writing.
    rmSync(one.dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 10 });
  }
  started.clear();
}

process.on("exit", endServers);
try {
  afterAll(endServers);
} catch {
  // Not in a test run (a load, a torture): the end of the process ends them.
}

function configText(dir: string, port: number, options: RedisOptions): string {
  const listen = options.tls
    ? ["port 0", `tls-port ${port}`, `tls-cert-file ${dir}/server.crt`, `tls-key-file ${dir}/server.key`].concat([
        `tls-ca-cert-file ${dir}/ca.crt`,
        "tls-auth-clients no",
      ])
    : [`port ${port}`];
  const lines = [
    "bind 127.0.0.1",
    ...listen,
    `dir ${dir}`,
    `logfile ${dir}/log`,
    'save ""',
    `appendonly ${options.appendonly ? "yes" : "no"}`,
    "repl-diskless-sync-delay 0",
    "repl-ping-replica-period 1",
    ...(options.replicaOf ? [`replicaof 127.0.0.1 ${options.replicaOf.port}`] : []),
    `user ${HARNESS.user} on >${HARNESS.password} ~* &* +@all`,
    ...(options.acl ?? []).map((rule) => `user ${rule}`),
    ...(options.config ?? []),
  ];
  return `${lines.join("\n")}\n`;
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const probe = createServer();
  probe.on("error", reject);
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
  });
  return promise;
}

/** An authority and a certificate that it signed, where they are not there yet. */
async function makeCertificates(dir: string, name: string | null): Promise<string> {
  const authority = join(dir, "ca.crt");
  if (!existsSync(authority)) {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    await openssl(dir, [
      "req",
      "-x509",
      ...key,
      "-keyout",
      "ca.key",
      "-out",
      "ca.crt",
      "-days",
      "30",
      "-subj",
      "/CN=test",
    ]);
    await openssl(dir, ["req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost"]);
    writeFileSync(
      join(dir, "names"),
      `subjectAltName=${name === null ? "DNS:localhost,IP:127.0.0.1" : `DNS:${name}`}\n`,
    );
    const signed = ["x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"];
    await openssl(dir, [...signed, "-days", "30", "-extfile", "names", "-out", "server.crt"]);
  }
  return readFileSync(authority, "utf8");
}

async function openssl(dir: string, args: string[]): Promise<void> {
  const run = Bun.spawn(["openssl", ...args], { cwd: dir, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [said] = await Promise.all([run.stderr.text(), run.exited]);
  if (run.exitCode !== 0) throw new Error(`openssl ${args[0]}: ${said}`);
}

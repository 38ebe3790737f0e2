// One connection to the primary among the addresses of [cluster], kept up for ever: made anew after a timeout, a close, or when
// the server is no longer the primary. It repeats no command by itself: after "timeout" and "closed" a command MAY have been
// applied, and only the caller knows whether sending it again is harmless.
import type { Place, RedisSettings } from "./address.ts";
import { dial } from "./dial.ts";
import { type Argument, type Later, type Link, openLink, type Reply } from "./link.ts";
import type { Script } from "./script.ts";
import { RedisTrouble } from "./trouble.ts";

export type { RedisSettings } from "./address.ts";
export type { Argument, Reply } from "./link.ts";
export { type Script, script } from "./script.ts";
export { RedisTrouble } from "./trouble.ts";

export type SendOptions = { timeoutMs?: number };

export type Connection = {
  /**
   * Sends one command; rejects within timeoutMs (default 5000) with RedisTrouble, or with an Error that has the server's reply
   * as its text. While it is down it rejects at once ("unreachable": not sent); only the first connecting is waited for.
   * A command that blocks needs a timeoutMs above its BLOCK, and a connection of its own.
   */
  send(command: string, args: Argument[], options?: SendOptions): Promise<Reply>;
  /** EVALSHA, and EVAL where the server does not have the script: it was restarted, or somebody flushed its scripts. */
  run(script: Script, keys: string[], args: Argument[], options?: SendOptions): Promise<Reply>;
  isUp(): boolean;
  /** Steady ms since which it has been up without a break; null: down. */
  upSinceMs(): number | null;
  /** Why it is down; null: up, or not known yet. */
  trouble(): RedisTrouble | null;
  /** Where it is connected; null: down. */
  address(): Place | null;
  /** Calls at each up and at each down, and while it is down when it turns out that a person has to act, or no longer. */
  onChange(call: (up: boolean, trouble: RedisTrouble | null) => void): void;
  /** Replicas that the primary has connected, as of the last 10 s; 0 while down. */
  replicas(): number;
  /** Ends it; what is under way rejects with "closed". Nothing of it keeps the process alive afterwards. */
  close(): void;
};

export type ConnectionDeps = {
  /** Takes a line for the log: once for each up, and for each new reason of a down. */
  log?(line: string): void;
  /** Calls back once after so many ms, unless what it gives is called. */
  later?: Later;
  /** A clock that nobody sets, in ms. */
  steadyNow?(): number;
  /** The first pause between tries; the longest is 40 times that, and 600 times that where we were refused. Default 50. */
  retryMs?: number;
  /** How long a command may take where the caller says nothing else. Default 5000. */
  timeoutMs?: number;
  /** How long one address may take to answer. Default 5000. */
  dialMs?: number;
  /** How often the server is asked for its role and its replicas. Default 10 000. */
  lookMs?: number;
};

/** Begins to connect and gives the connection at once; it tries for ever until `close`. */
export function connect(settings: RedisSettings, deps: ConnectionDeps = {}): Connection {
  const { log = () => undefined, steadyNow = () => performance.now(), later = afterMs } = deps;
  const { retryMs = 50, timeoutMs: usualMs = 5000, dialMs = 5000, lookMs = 10_000 } = deps;
  const listeners: ((up: boolean, trouble: RedisTrouble | null) => void)[] = [];
  const closing = new AbortController();
  /** Settled when the first round of tries has ended, either way. */
  const first = Promise.withResolvers<void>();
  let up: { link: Link; place: Place; sinceMs: number } | null = null;
  let trouble: RedisTrouble | null = null;
  let urls = settings.urls;
  let failures = 0;
  let callOffTry: () => void = () => undefined;

  /** Tries every url in turn, the one that was the primary last time first. */
  async function tryAll(): Promise<void> {
    const troubles: RedisTrouble[] = [];
    for (const url of urls) {
      const dialed = await dial(url, settings, dialMs, closing.signal).catch((error: RedisTrouble) => error);
      if (closing.signal.aborted) {
        if (!(dialed instanceof Error)) dialed.client.close();
        return;
      }
      if (dialed instanceof Error) {
        troubles.push(dialed);
        continue;
      }
      urls = [url, ...settings.urls.filter((other) => other !== url)];
      const linkDeps = { settings, later, steadyNow, lookMs, lookTimeoutMs: usualMs, onEnd };
      return isUp({ link: openLink(dialed, linkDeps), place: dialed.place, sinceMs: steadyNow() });
    }
    isDown(worstOf(troubles));
    // Where all refuse us a person has to act: asked seldom.
    tryAgain(troubles.every(({ kind }) => kind === "refused") ? retryMs * 600 : null);
  }

  function tryAgain(pauseMs: number | null): void {
    const growingMs = Math.min(retryMs * 40, retryMs * 2 ** Math.min(failures, 10));
    failures++;
    callOffTry = later((pauseMs ?? growingMs) * (0.5 + Math.random() / 2), () => void tryAll());
  }

  function isUp(now: NonNullable<typeof up>): void {
    up = now;
    const wasDown = trouble !== null;
    trouble = null;
    log(`redis: connected to ${now.place.shown}${now.place.isTls ? " by TLS" : ""}${wasDown ? " again" : ""}`);
    first.resolve();
    for (const call of listeners) call(true, null);
  }

  function isDown(why: RedisTrouble): void {
    const before = trouble;
    trouble = why;
    if (before?.message !== why.message) log(`redis: ${why.message}`);
    first.resolve();
    if (before?.isPassing !== why.isPassing) for (const call of listeners) call(false, why);
  }

  function onEnd(why: RedisTrouble): void {
    // One that ends soon after each connecting is asked less and less often.
    if (up !== null && steadyNow() - up.sinceMs > retryMs * 40) failures = 0;
    up = null;
    if (closing.signal.aborted) return;
    isDown(why);
    tryAgain(null);
  }

  async function send(command: string, args: Argument[], timeoutMs: number): Promise<Reply> {
    let leftMs = timeoutMs;
    if (up === null && trouble === null) {
      const beganMs = steadyNow();
      await settledWithin(first.promise, timeoutMs, later);
      leftMs = Math.max(1, Math.ceil(timeoutMs - (steadyNow() - beganMs)));
    }
    if (closing.signal.aborted) throw closedByUs();
    if (up === null) throw notSent(trouble);
    return up.link.send(command, args, leftMs);
  }

  void tryAll();
  return {
    send: (command, args, { timeoutMs = usualMs } = {}) => send(command, args, timeoutMs),
    async run(script, keys, args, { timeoutMs = usualMs } = {}) {
      const beganMs = steadyNow();
      const rest = [keys.length, ...keys, ...args];
      try {
        return await send("EVALSHA", [script.sha, ...rest], timeoutMs);
      } catch (error) {
        if (error instanceof RedisTrouble || !/^NOSCRIPT/.test((error as Error).message)) throw error;
        return send("EVAL", [script.text, ...rest], Math.max(1, Math.ceil(timeoutMs - (steadyNow() - beganMs))));
      }
    },
    isUp: () => up !== null,
    upSinceMs: () => up?.sinceMs ?? null,
    trouble: () => trouble,
    address: () => up?.place ?? null,
    onChange: (call) => void listeners.push(call),
    replicas: () => up?.link.replicas() ?? 0,
    close() {
      if (closing.signal.aborted) return;
      closing.abort();
      callOffTry();
      first.resolve();
      up?.link.end(closedByUs());
    },
  };
}

/** Connects for one command's sake: rejects with RedisTrouble when every address has failed once, or after timeoutMs. */
export async function connectOnce(settings: RedisSettings, { timeoutMs }: { timeoutMs: number }): Promise<Connection> {
  const connection = connect(settings, { timeoutMs, dialMs: timeoutMs / Math.max(1, settings.urls.length) });
  const { promise, resolve } = Promise.withResolvers<void>();
  connection.onChange(() => resolve());
  await settledWithin(promise, timeoutMs, afterMs);
  if (connection.isUp()) return connection;
  const trouble = connection.trouble() ?? new RedisTrouble("timeout", `Redis does not answer within ${timeoutMs} ms`);
  connection.close();
  throw trouble;
}

function afterMs(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
}

/** Waits for something, but not longer. */
function settledWithin(something: Promise<void>, ms: number, later: Later): Promise<void> {
  return new Promise((resolve) => {
    const callOff = later(ms, resolve);
    void something.then(() => {
      callOff();
      resolve();
    });
  });
}

function closedByUs(): RedisTrouble {
  return new RedisTrouble("closed", "the connection to Redis was closed by us", false);
}

/** The trouble of a command that was never sent. */
function notSent(trouble: RedisTrouble | null): RedisTrouble {
  const kind = trouble?.kind === "refused" || trouble?.kind === "not-primary" ? trouble.kind : "unreachable";
  return new RedisTrouble(kind, trouble?.message ?? "Redis has not answered yet", trouble?.isPassing);
}

/** One trouble that speaks for the addresses of a round: what a person has to mend comes first. */
function worstOf(troubles: RedisTrouble[]): RedisTrouble {
  const order = ["refused", "not-primary", "full", "timeout", "closed", "unreachable"] as const;
  const kind = order.find((one) => troubles.some((trouble) => trouble.kind === one)) ?? "unreachable";
  const isPassing = troubles.some((trouble) => trouble.isPassing);
  return new RedisTrouble(kind, troubles.map(({ message }) => message).join("; "), isPassing);
}

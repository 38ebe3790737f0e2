// One connected client from its first command to its end: each command with its time, all of them failed when it ends, and a look
// at ROLE now and then. It does not connect and is not connected again: connection.ts makes the next one.
import { type RedisSettings, withoutPasswords } from "./address.ts";
import type { Dialed } from "./dial.ts";
import { readRole } from "./primary.ts";
import { RedisTrouble, troubleOfReply } from "./trouble.ts";

export type Reply = unknown;
export type Argument = string | number | Uint8Array;
export type Later = (ms: number, call: () => void) => () => void;

export type Link = {
  /** As Connection's. */
  send(command: string, args: Argument[], timeoutMs: number): Promise<Reply>;
  /** As of the last look. */
  replicas(): number;
  /** Ends it, once: what is under way rejects with "closed". */
  end(why: RedisTrouble): void;
};

export type LinkDeps = {
  settings: RedisSettings;
  later: Later;
  steadyNow(): number;
  /** How often ROLE is asked, and how long it may take. */
  lookMs: number;
  lookTimeoutMs: number;
  /** Called once, by `end` too; never before openLink has given the link. */
  onEnd(why: RedisTrouble): void;
};

/** A timer that comes this late says that we were held up ourselves: the reply may lie here unread, so it gets some time more. */
const LATE_MS = 100;
const MORE_MS = 250;

/** Takes over a client that dial connected. */
export function openLink({ client, place, replicas: atFirst }: Dialed, deps: LinkDeps): Link {
  const { settings, later, steadyNow } = deps;
  const flights = new Set<(why: Error) => void>();
  let replicas = atFirst;
  let isEnded = false;
  let isLookDue = false;
  let callOffLook = lookLater();
  const closed = () => new RedisTrouble("closed", `${place.shown} closed the connection`);
  client.onclose = () => end(closed());
  // Where it closed between its last answer and this line, nobody calls.
  if (!client.connected)
    callOffLook = andBefore(
      later(0, () => end(closed())),
      callOffLook,
    );

  function end(why: RedisTrouble): void {
    if (isEnded) return;
    isEnded = true;
    callOffLook();
    client.onclose = () => undefined;
    client.close();
    for (const fail of [...flights]) fail(new RedisTrouble("closed", why.message, why.isPassing));
    deps.onEnd(why);
  }

  function fly(command: string, args: Argument[], timeoutMs: number): Promise<Reply> {
    const words = args.map((arg) => (typeof arg === "number" ? String(arg) : arg));
    // Bun's types know strings only; bytes go through as they are. First, as it throws for what is neither.
    const sent = client.send(command, words as string[]);
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const fail = (why: Error) => {
      callOff();
      flights.delete(fail);
      reject(why);
    };
    const dueMs = steadyNow() + timeoutMs;
    const late = () => {
      const why = new RedisTrouble("timeout", `${place.shown} did not answer ${command} within ${timeoutMs} ms`);
      fail(why);
      end(why);
    };
    let callOff = later(timeoutMs, () => {
      if (steadyNow() - dueMs < LATE_MS) return late();
      callOff = later(MORE_MS, late);
    });
    flights.add(fail);
    sent.then(
      (reply) => {
        callOff();
        flights.delete(fail);
        resolve(reply);
      },
      (error) => failed(error as Error & { code?: string }, fail),
    );
    return promise;
  }

  function failed(error: Error & { code?: string }, fail: (why: Error) => void): void {
    const say = (text: string) => withoutPasswords(text, settings);
    if (error.code !== "ERR_REDIS_SERVER_ERROR") {
      const why = new RedisTrouble("closed", `${place.shown}: ${say(error.message)}`);
      fail(why);
      return end(why);
    }
    const known = troubleOfReply(error.message);
    if (known === null) return fail(new Error(say(error.message)));
    const why = new RedisTrouble(known.kind, `${place.shown}: ${say(known.message)}`);
    fail(why);
    if (why.kind === "not-primary") end(why);
  }

  function lookLater(): () => void {
    return later(deps.lookMs, () => {
      isLookDue = true;
      // Not behind a command that blocks: then it goes before the next one.
      if (flights.size === 0) look();
    });
  }

  function look(): void {
    isLookDue = false;
    const seen = (reply: Reply) => {
      if (isEnded) return;
      const role = readRole(reply);
      if (role.kind !== "primary")
        return end(new RedisTrouble("not-primary", `${place.shown} is no longer the primary`));
      replicas = role.replicas;
      callOffLook = lookLater();
    };
    fly("ROLE", [], deps.lookTimeoutMs).then(seen, () => {
      if (!isEnded) callOffLook = lookLater();
    });
  }

  return {
    send(command, args, timeoutMs) {
      if (isEnded) return Promise.reject(closed());
      if (isLookDue) look();
      return fly(command, args, timeoutMs);
    },
    replicas: () => replicas,
    end,
  };
}

function andBefore(first: () => void, second: () => void): () => void {
  return () => {
    first();
    second();
  };
}

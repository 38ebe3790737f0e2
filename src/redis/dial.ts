// One try to reach the primary at one address: Bun's client made so that it does nothing by itself, ROLE, and what went wrong in
// words for people. Its errors never hold a password.
import { X509Certificate } from "node:crypto";
import { createConnection } from "node:net";
import { type Address, type Place, parseAddress, type RedisSettings, withoutPasswords } from "./address.ts";
import { readRole } from "./primary.ts";
import { RedisTrouble, troubleOfReply } from "./trouble.ts";

/** A client that is connected to a primary. */
export type Dialed = { client: Bun.RedisClient; place: Place; replicas: number };

/**
 * A client of that address, which connects at the first command. No reconnecting by itself: Bun 1.4.5 gives up for good after
 * maxRetries, and commands were seen to stay pending after a reconnect (oven-sh/bun#34374); we make a new one instead.
 */
export function makeClient(address: Address, ca: string | null, timeoutMs: number): Bun.RedisClient {
  return new Bun.RedisClient(address.secretUrl, {
    autoReconnect: false,
    connectionTimeout: Math.ceil(timeoutMs),
    ...(address.place.isTls ? { tls: ca === null ? true : { ca } } : {}),
  });
}

/** Connects to one url; rejects with RedisTrouble within twice timeoutMs where it is not a primary that we may use, at once when aborted. */
export async function dial(
  url: string,
  settings: RedisSettings,
  timeoutMs: number,
  abort: AbortSignal,
): Promise<Dialed> {
  const address = parseAddress(url, settings);
  if (address === null)
    throw new RedisTrouble("refused", "an address of Redis is redis://HOST:PORT or rediss://HOST:PORT");
  const { place } = address;
  // With such a text Bun closes the connection and says no more.
  if (place.isTls && settings.ca !== null && !isCertificate(settings.ca)) {
    throw new RedisTrouble("refused", `${place.shown} is not asked: the file of ca holds no certificate (PEM)`);
  }
  let client: Bun.RedisClient | null = null;
  try {
    client = makeClient(address, settings.ca, timeoutMs);
    const replicas = await within(replicasOf(client), timeoutMs, abort);
    return { client, place, replicas };
  } catch (error) {
    client?.close();
    const trouble = await troubleOfDial(error as Error, place, settings, timeoutMs, abort);
    throw new RedisTrouble(trouble.kind, withoutPasswords(`${place.shown} ${trouble.message}`, settings));
  }
}

/** Whether it is a primary that does its work, and how many replicas it has. */
async function replicasOf(client: Bun.RedisClient): Promise<number> {
  // Sent before it is connected: of a client's connect() Bun says "Connection closed" whatever the reason was.
  const role = readRole(await client.send("ROLE", []));
  if (role.kind === "replica") throw new RedisTrouble("not-primary", `is a replica of ${role.of}`);
  if (role.kind === "other") throw new RedisTrouble("not-primary", `is no primary but: ${role.text}`);
  // ROLE answers while the data is being loaded, most commands do not.
  await client.send("PING", []).catch((error) => {
    if (!/^NOPERM/.test((error as Error).message)) throw error;
  });
  return role.replicas;
}

/** Rejects where something takes longer, or when it is no longer wanted. */
export function within<T>(something: Promise<T>, timeoutMs: number, abort?: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => reject(tooLate(timeoutMs)), timeoutMs);
  const stop = () => reject(new RedisTrouble("closed", "is no longer wanted"));
  abort?.addEventListener("abort", stop);
  const end = () => {
    clearTimeout(timer);
    abort?.removeEventListener("abort", stop);
  };
  something.then(resolve, reject);
  promise.then(end, end);
  if (abort?.aborted) stop();
  return promise;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

function tooLate(timeoutMs: number): RedisTrouble {
  return new RedisTrouble("timeout", `does not answer within ${Math.ceil(timeoutMs)} ms`);
}

async function troubleOfDial(
  error: Error & { code?: string },
  place: Place,
  settings: RedisSettings,
  timeoutMs: number,
  abort: AbortSignal,
): Promise<RedisTrouble> {
  if (error instanceof RedisTrouble) {
    if (error.kind !== "timeout" || !place.isTls) return error;
    return new RedisTrouble("timeout", `${error.message}; does it speak TLS?`);
  }
  const { code = "", message } = error;
  const who = place.user === null ? "us" : `user "${place.user}"`;
  switch (code) {
    case "ERR_REDIS_AUTHENTICATION_FAILED":
      return new RedisTrouble("refused", `refuses ${who}: ${message}`);
    case "ERR_REDIS_SERVER_ERROR": {
      const trouble = troubleOfReply(message);
      if (trouble === null || trouble.kind === "refused") {
        return new RedisTrouble("refused", `refuses ${who}: ${trouble?.message ?? message}`);
      }
      return new RedisTrouble(trouble.kind, `is not ready: ${trouble.message}`);
    }
    case "ERR_REDIS_CONNECTION_TIMEOUT":
      return troubleOfDial(tooLate(timeoutMs), place, settings, timeoutMs, abort);
    case "ERR_REDIS_CONNECTION_CLOSED":
      return whyClosed(place, timeoutMs, abort);
    default:
      if (code.startsWith("ERR_INVALID_")) return new RedisTrouble("refused", `is not asked: ${message}`); // the url's database
      return place.isTls && !code.startsWith("ERR_REDIS_")
        ? untrusted(code, message, settings)
        : new RedisTrouble("unreachable", `does not answer as a Redis does: ${message}`);
  }
}

function untrusted(code: string, message: string, { ca }: RedisSettings): RedisTrouble {
  const advice =
    ca === null ? 'ca = "FILE" names who signed it' : "the file of ca does not hold who signed it, or the name differs";
  return new RedisTrouble("refused", `shows a certificate that is not trusted: ${message} (${code}); ${advice}`);
}

/** Bun says "Connection closed" for a name without an address, a closed port and a server that hung up: one look tells which. */
function whyClosed(place: Place, timeoutMs: number, abort: AbortSignal): Promise<RedisTrouble> {
  const { promise, resolve } = Promise.withResolvers<RedisTrouble>();
  const socket = createConnection({ host: place.host, port: place.port });
  const say = (kind: "unreachable" | "closed" | "timeout", text: string) => {
    clearTimeout(timer);
    abort.removeEventListener("abort", stop);
    socket.destroy();
    resolve(new RedisTrouble(kind, text));
  };
  const stop = () => say("closed", "is no longer wanted");
  const timer = setTimeout(() => say("timeout", tooLate(timeoutMs).message), timeoutMs);
  abort.addEventListener("abort", stop);
  socket.on("error", ({ code, message }: NodeJS.ErrnoException) =>
    say("unreachable", `cannot be reached: ${code ?? message}`),
  );
  socket.on("connect", () =>
    say("closed", `closes the connection${place.isTls ? "" : "; does it want TLS (rediss://)?"}`),
  );
  if (abort.aborted) stop();
  return promise;
}

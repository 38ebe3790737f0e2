// [cluster] of config.toml: which Redis this node shares events through, what it sends there, how long things hold. Judges and
// gives defaults; resolves no secret and reads no file (redis-settings.ts does).
import * as v from "valibot";
import { patternProblem } from "../redact/pattern.ts";
import { secretsNamed } from "./secret-text.ts";
import { age, durationWithin, oneOf, tableOf, text, typeGlob, whole } from "./values.ts";

/**
 * `urls` are tried in turn for the primary and hold neither user nor password. `password` is a text that is one `${NAME}`. `ca`: a
 * path as it was written. `replicas` must have an event before it counts as forwarded; null: one, where the primary has any.
 */
export type ClusterConfig = {
  urls: string[];
  user: string | null;
  password: string | null;
  ca: string | null;
  forward: string[];
  payload: "full" | "lean" | "none";
  prefix: string;
  leaseMs: number;
  keepMs: number;
  cap: number;
  replicas: number | null;
};

/** The secret that the password is usually kept under. */
export const CLUSTER_PASSWORD = "REDIS_PASSWORD";

const ADDRESS = 'must be an address that begins with redis:// or rediss://, for instance "rediss://redis.example:6379"';
const SAFE_PASSWORD =
  'must not hold the password itself: write REDIS_PASSWORD=... into secrets.env, and here password = "${REDIS_PASSWORD}"';
const ONE_SECRET = /^\$\{[A-Z_][A-Z0-9_]*\}$/;

type Address = { url: string; user: string | null; password: string | null };

/** The parts of an address, or what is wrong with it. */
function addressOf(written: string): Address | string {
  const parts = /^(rediss?:\/\/)(?:([^@/]*)@)?([^@/?#]+)(\/.*)?$/.exec(written);
  if (parts === null) return ADDRESS;
  const [, scheme = "", login = "", place = "", path = ""] = parts;
  const { protocol, hostname = "", username } = URL.parse(`${scheme}${place}`) ?? {};
  if (protocol === undefined || hostname === "" || username !== "") return ADDRESS;
  if (path !== "" && path !== "/") return `must end after the port: offhook uses database 0, and takes no ${path}`;
  const [user = "", ...rest] = login.split(":");
  const password = rest.join(":");
  if (password !== "" && !ONE_SECRET.test(password)) return SAFE_PASSWORD;
  if (user.includes("${")) return 'must hold the user as it is; a ${NAME} is for the password: password = "${NAME}"';
  return { url: `${scheme}${place}`, user: decoded(user) || null, password: password || null };
}

function decoded(user: string): string {
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
}

const address = v.pipe(
  v.string(ADDRESS),
  v.rawTransform<string, Address>(({ dataset, addIssue, NEVER }) => {
    const parts = addressOf(dataset.value);
    if (typeof parts !== "string") return parts;
    addIssue({ message: parts });
    return NEVER;
  }),
);

const addresses = v.lazy((input): v.GenericSchema<unknown, Address[]> => {
  if (!Array.isArray(input))
    return v.pipe(
      address,
      v.transform((one) => [one]),
    );
  return v.pipe(
    v.array(address),
    v.nonEmpty('must name an address, for instance ["rediss://redis-a.example:6379", "rediss://redis-b.example:6379"]'),
    v.check(
      (all) => new Set(all.map(({ user, password }) => `${user}:${password}`)).size < 2,
      'must all have the same user; write user = "..." and password = "${REDIS_PASSWORD}" for all of them',
    ),
  );
});

const password = v.pipe(
  text,
  v.check(
    (written) => ONE_SECRET.test(written),
    ({ input }) =>
      secretsNamed(input).length > 0
        ? 'must be one secret and nothing else, for instance "${REDIS_PASSWORD}"'
        : SAFE_PASSWORD,
  ),
);

const entries = {
  url: addresses,
  user: v.optional(v.nullable(text), null),
  password: v.optional(v.nullable(password), null),
  ca: v.optional(
    v.nullable(v.pipe(text, v.regex(/^(\/|~\/)/, 'must be the path of a file, absolute or with "~/" at its start'))),
    null,
  ),
  forward: v.optional(
    v.array(typeGlob, 'must be a list of events, for instance ["**"] or ["PostToolUse", "offhook.**"]'),
    ["**"],
  ),
  payload: v.optional(oneOf(["full", "lean", "none"]), "full"),
  prefix: v.optional(
    v.pipe(text, v.regex(/^[A-Za-z0-9_.:-]{1,64}$/, "must be made of letters, digits and _ . : -, at most 64 of them")),
    "offhook",
  ),
  lease: v.optional(durationWithin({ minMs: 1_000, maxMs: 300_000, unit: "s", example: '"10s" or "1m"' }), "10s"),
  keep: v.optional(age, "1d"),
  cap: v.optional(whole(100, 1_000_000_000), 1_000_000),
  replicas: v.optional(v.nullable(whole(0, 5)), null),
  // Whoever writes it here has it above already in mind: TOML gives a table all keys that follow its line.
  redact: v.optional(
    v.custom<undefined>(() => false, "stands above the line [cluster]: webhooks are redacted by it too"),
  ),
};

/** The table, as a ClusterConfig. */
export const clusterTable = v.pipe(
  tableOf(entries, 'must be a table: a line [cluster], and below it url = "rediss://redis.example:6379"'),
  v.forward(
    v.partialCheck(
      [["url"], ["user"]],
      ({ url, user }) => user === null || url.every((one) => one.user === null),
      "stands in url already; keep one of them",
    ),
    ["user"],
  ),
  v.forward(
    v.partialCheck(
      [["url"], ["password"]],
      ({ url, password }) => password === null || url.every((one) => one.password === null),
      "stands in url already; keep one of them",
    ),
    ["password"],
  ),
  v.forward(
    v.partialCheck(
      [["url"], ["ca"]],
      ({ url, ca }) => ca === null || url.some((one) => one.url.startsWith("rediss:")),
      "is for TLS: begin the url with rediss://, or leave ca out",
    ),
    ["ca"],
  ),
  v.transform(({ url, user, password, lease, keep, redact: _, ...same }): ClusterConfig => {
    return {
      ...same,
      urls: url.map((one) => one.url),
      user: user ?? url[0]?.user ?? null,
      password: password ?? url[0]?.password ?? null,
      leaseMs: lease,
      keepMs: keep,
    };
  }),
);

/** Every key that may stand under [cluster]. */
export const CLUSTER_KEYS: readonly string[] = Object.keys(entries);

/** A pattern of `redact`: a regular expression, as text. */
export const redactPattern = v.pipe(
  text,
  v.rawCheck<string>(({ dataset, addIssue }) => {
    const problem = dataset.typed ? patternProblem(dataset.value) : null;
    if (problem !== null) addIssue({ message: `cannot be used: ${problem}` });
  }),
);

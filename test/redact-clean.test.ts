// The quick look that tells clean texts apart changes nothing: what it lets pass is what all the finders together leave as it is.
// A pattern of the user's that matches nothing turns it off, so both ways are compared, on texts that are put together at random.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cleanLook } from "../src/redact/clean.ts";
import { makeRedact } from "../src/redact/redact.ts";
import { plantedSecrets } from "./planted-secrets.ts";

const secretValues = { ONE: 'with "quotes"\\and\n', TWO: "tiny", THREE: "größer-als-8", FOUR: "zx81-q/w e" };
const quick = makeRedact({ patterns: [], secretValues });
const whole = makeRedact({ patterns: ["NEVER-\\d{9}-THERE"], secretValues });
const PAYLOADS = readFileSync(join(import.meta.dir, "fixtures", "claude-code-2.1.329.jsonl"), "utf8")
  .trim()
  .split("\n");

/** Whole numbers below a limit, the same in every run. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const planted = plantedSecrets().flatMap(({ text, secret }) => [text, secret]);
const hex = "0123456789abcdef0123456789abcdef";
const jwtLike = `eyJ${"a1".repeat(12)}.${"b2".repeat(12)}`;
/** Beginnings, names and marks, whole and in parts; what may join them to a value; values; and what is none of it. */
const WORDS = [
  ..."password token api_key api key apiKey secret auth pin otp sig sas pat bearer webhook_url connection string pass phrase".split(
    " ",
  ),
  ..."connection_string PIN Pat max_tokens session_id sessionKey cookie Authorization next_page_password TO\u212aEN".split(
    " ",
  ),
  ..."curl wget docker mysql redis-cli login identified by IDENTIFIED BY Bearer Basic value name is".split(" "),
  ...[" -u ", " -p", " -a ", ' -b "', " --user ", " --cookie ", "-U", " --password ", "--token "],
  ...[
    "=",
    ": ",
    " = ",
    ":",
    "://",
    "@",
    "/",
    "\\/",
    ".",
    ",",
    "(",
    ")",
    "<",
    ">",
    "'",
    '"',
    '\\"',
    "`",
    "|",
    "&",
    ";",
    "-",
  ],
  ...["\n", "\t", "\r\n", "\\n", "\\", "\\\\", "\u001b[32m", "\uffff", "é", "–", " ", " ", " ", "  "],
  ...[
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "-----",
    "eyJ",
    jwtLike,
    "12345678:AA",
    ":AA",
    "-us12",
  ],
  ...["hunter2!x", "s3cr3tV4lue", "Zx9Qw8Er7Ty6", "ann:S3cret99", "12345678", "true", "none", "x", "A", "Q~", hex],
  ...[`M${hex.slice(0, 23)}.abcdef.${hex.slice(0, 27)}`, `abc7Q~${hex}x`, `${hex}-us1`, `12345678:AA${hex}x`],
  ...Object.values(secretValues),
  ...[
    "def total(rows): return sum(row",
    "https://example.com/a",
    "the path",
    "/home/dev/shop/new file.py",
    "tool_use_id",
  ],
];

/** JSON with its characters written in other ways than JSON.stringify does. */
function otherwise(json: string, random: (below: number) => number): string {
  const how = random(4);
  if (how === 0) return json.replaceAll("/", "\\/");
  if (how === 1)
    return json.replace(/[a-z](?=[^"]*"\s*[,}\]])/g, (letter) =>
      random(30) === 0 ? `\\u00${letter.charCodeAt(0).toString(16)}` : letter,
    );
  return how === 2 ? JSON.stringify(JSON.parse(json), null, 1) : json;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test("what passes the quick look is what the finders leave as it is", () => {
  const random = makeRandom(20_261_121);
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  const text = () => {
    const length = random(4) === 0 ? random(30) : random(6);
    const words = Array.from({ length }, () => (random(25) === 0 ? pick(planted) : pick(WORDS)));
    return words.join(random(2) === 0 ? " " : "");
  };
  const value = (depth: number): unknown => {
    const kind = random(depth > 2 ? 3 : 7);
    if (kind < 3) return random(8) === 0 ? random(100_000) : text();
    if (kind === 3) return Array.from({ length: random(4) }, () => value(depth + 1));
    if (kind === 4) return JSON.stringify(value(depth + 1));
    return Object.fromEntries(Array.from({ length: random(5) }, () => [text(), value(depth + 1)]));
  };
  let same = 0;
  for (let round = 0; round < 30_000; round++) {
    const plain = random(3) === 0;
    const one = plain ? text() : otherwise(JSON.stringify(value(0)), random);
    const form = plain || !isJson(one) ? undefined : "json";
    const expected = whole(one, form);
    if (quick(one, form) !== expected) expect({ text: one, is: quick(one, form) }).toEqual({ text: one, is: expected });
    if (expected === one) same++;
  }
  // Both kinds of texts came.
  expect(same).toBeGreaterThan(3_000);
  expect(same).toBeLessThan(27_000);
}, 60_000);

const VALUE = "Zx9Qw8Er7Ty6";
const MEMBERS = "sig SIG my_sig sas pat PAT_2 otp pin bearer webhook_url webhookUrl".split(" ");

/** Each has one secret that is known by one thing alone. */
const ALONE = [
  ...[...MEMBERS, "api key", "my pin", "TO\u212aEN", "api\\nkey"].map((name) => `{"${name}":"${VALUE}"}`),
  ...["-u", "-U", "--user ", "--proxy-user "].map((option) => `curl ${option}ann:${VALUE} x.example`),
  ...[`curl -b "a=${VALUE}" x`, `wget --cookie "a=${VALUE}" x`, `mysql -p${VALUE}`, `redis-cli -a ${VALUE}`],
  ...["http", "xh", "mariadb", "sshpass", "mongosh", "podman login", "valkey-cli"].map((command) =>
    /^(?:http|xh)$/.test(command) ? `${command} -u ann:${VALUE}` : `${command} -p ${VALUE} -a ${VALUE}`,
  ),
  ...[`CREATE USER a IDENTIFIED BY '${VALUE}'`, `alter user a identified\nwith sha2 by '${VALUE}'`],
  ...[`machine x login ann password ${VALUE}`, `{"list_of_token":["${VALUE}"]}`, `{"password":12345678}`],
  // Names that call no value a secret, in .netrc; and an escape inside an address.
  ...[`login next-password ${VALUE}`, `login last-password\t${VALUE}`, `{"a":"x://ann:Zx9\\bQw8@x"}`],
  `{"a":"x://ann:Zx9\\b/?#Qw8@x"}`,
].flatMap((text) => (isJson(text) || text.startsWith("{") ? [text] : [text, JSON.stringify({ a: text })]));

test.each(ALONE)("%j is not clean", (text) => {
  expect(whole(text)).not.toBe(text);
  expect(quick(text)).toBe(whole(text));
});

test("a known value that begins or ends with a line is found beside another text", () => {
  for (const value of ["abc\n", "\nabc", "\nab\n", "ab\n\uffff\ncd"]) {
    const known = { VALUE: value };
    const text = JSON.stringify(value.includes("\uffff") ? ["ab", "cd"] : ["x", value.trim(), "y"]);
    const all = makeRedact({ patterns: ["NEVER-\\d{9}-THERE"], secretValues: known })(text);
    expect(all).not.toBe(text);
    expect(makeRedact({ patterns: [], secretValues: known })(text)).toBe(all);
  }
});

test("what is planted is never clean, payloads of Claude Code are", () => {
  const isClean = cleanLook({});
  for (const { kind, text } of plantedSecrets()) {
    expect([kind, isClean(text)]).toEqual([kind, false]);
    expect([kind, isClean(JSON.stringify({ a: [text] }))]).toEqual([kind, false]);
  }
  for (const payload of PAYLOADS) expect(isClean(payload)).toBe(true);
  // Its m and p have the place of an option's - and p in the table.
  expect(isClean("see http://localhost/example and https://example.com")).toBe(true);
});

// config.toml and secrets.env: written at a first start, read strictly, put right and reported.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { ensureNodeConfig, firstConfig, nameFrom, nodeNameOf, parseNodeConfig } from "../src/config/node.ts";
import { fillSecrets, parseSecrets } from "../src/config/secret-text.ts";
import { loadSecrets } from "../src/config/secrets.ts";
import { EXIT, OffhookError } from "../src/errors.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "offhook-node-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function thrown(work: () => unknown): OffhookError {
  try {
    work();
  } catch (error) {
    if (error instanceof OffhookError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const DAY_MS = 86_400_000;
const KEPT = {
  disabled: [],
  redact: [],
  cluster: null,
  retention: { ageMs: 7 * DAY_MS, sizeBytes: 2 ** 30 },
  maxLag: { ageMs: 30 * DAY_MS, sizeBytes: 2 ** 30 },
};

describe("the settings of a node", () => {
  test("are written at the first start, for nobody else's eyes, and are the defaults", () => {
    const settings = ensureNodeConfig(home);
    const name = nodeNameOf(null).name;
    expect(settings).toEqual({ name, workers: availableParallelism(), durability: "power", ...KEPT });
    expect(statSync(join(home, "config.toml")).mode & 0o777).toBe(0o600);
    expect(existsSync(join(home, "config.toml.new"))).toBe(false);
  });
  test("are not written again", () => {
    writeFileSync(join(home, "config.toml"), 'name = "mine"\nworkers = 3\ndurability = "process"\n');
    expect(ensureNodeConfig(home)).toEqual({ name: "mine", workers: 3, durability: "process", ...KEPT });
    expect(readFileSync(join(home, "config.toml"), "utf8")).toStartWith('name = "mine"\nworkers = 3');
  });
  test("have every key explained in the first file, and what is commented out is well too", () => {
    const text = firstConfig("laptop").replaceAll(/^# (?=\w+ = |\[)/gm, "");
    expect(parseNodeConfig(text)).toEqual({
      name: "laptop",
      workers: 4,
      durability: "power",
      ...KEPT,
      disabled: ["lint"],
      redact: ["CUST-[0-9]{8}"],
      cluster: {
        urls: ["rediss://redis.example:6379"],
        user: "offhook",
        password: "${REDIS_PASSWORD}",
        ca: null,
        forward: ["**"],
        payload: "full",
        prefix: "offhook",
        leaseMs: 10_000,
        keepMs: DAY_MS,
        cap: 1_000_000,
        replicas: null,
      },
    });
  });
  test("are told with line and what to write when they are wrong, all at once", () => {
    const text = 'workers = 0\ndurabilty = "full"\n[cluster]\nurl = "x"\nforwrd = ["**"]\n';
    const error = thrown(() => parseNodeConfig(text));
    expect(error.exitCode).toBe(EXIT.config);
    expect(error.message.split("\n")).toEqual([
      "config.toml:1: workers = 0 must be a whole number from 1 to 1024",
      'config.toml:2: unknown key "durabilty"; did you mean "durability"?',
      'config.toml:4: cluster.url must be an address that begins with redis:// or rediss://, for instance "rediss://redis.example:6379"',
      'config.toml:5: unknown key "cluster.forwrd"; did you mean "cluster.forward"?',
    ]);
  });
  test("that are not TOML are told with the line", () => {
    expect(thrown(() => parseNodeConfig('name = "a"\nworkers = = 3')).message).toStartWith(
      "config.toml:2: this is not TOML: ",
    );
  });
  test("that others could have written are refused", () => {
    writeFileSync(join(home, "config.toml"), 'name = "mine"\n');
    chmodSync(join(home, "config.toml"), 0o666);
    const error = thrown(() => ensureNodeConfig(home));
    expect(error.exitCode).toBe(EXIT.config);
    expect(error.message).toContain("chmod go-w");
  });
  test("cannot be written in a home that is not there", () => {
    expect(thrown(() => ensureNodeConfig(join(home, "gone"))).exitCode).toBe(EXIT.permission);
  });
});

describe("the name of a node", () => {
  const rows: [host: string, name: string][] = [
    ["laptop", "laptop"],
    ["Johns-MacBook-Pro.local", "johns-macbook-pro"],
    ["web_01.example.com", "web-01"],
    ["ÄÖ", "node"],
    ["-x-", "x"],
    ["", "node"],
    ["x".repeat(80), "x".repeat(63)],
  ];
  for (const [host, name] of rows)
    test(`from ${JSON.stringify(host)} is ${name}`, () => expect(nameFrom(host)).toBe(name));

  test("for those who look is the one in the settings, and nothing is written", () => {
    expect(nodeNameOf(home).name).toBe(nodeNameOf(null).name);
    expect(existsSync(join(home, "config.toml"))).toBe(false);
    writeFileSync(join(home, "config.toml"), 'name = "mine"\n');
    expect(nodeNameOf(home).name).toBe("mine");
  });
  for (const bad of ["Mine", "a b", "-a", "a-", "a/b", "", "x".repeat(64)]) {
    test(`cannot be ${JSON.stringify(bad.slice(0, 10))}`, () => {
      expect(thrown(() => parseNodeConfig(`name = ${JSON.stringify(bad)}`)).message).toContain(
        "must be made of a-z, 0-9 and -",
      );
    });
  }
});

describe("the secrets", () => {
  test("are none without a file", () => {
    expect(loadSecrets(home)).toEqual({ values: {}, warnings: [], isUnread: false });
  });
  test("get a closed mode, and that is reported", () => {
    const path = join(home, "secrets.env");
    writeFileSync(path, "A=1\n");
    chmodSync(path, 0o644);
    const { values, warnings } = loadSecrets(home);
    expect(values).toEqual({ A: "1" });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("its mode is 0600 now");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(loadSecrets(home).warnings).toEqual([]);
  });
  test("are none when they are no file", () => {
    mkdirSync(join(home, "secrets.env"));
    expect(loadSecrets(home)).toEqual({
      values: {},
      warnings: ["secrets.env: this is not a file; put a text file in its place"],
      isUnread: false,
    });
  });
  test("are none when they are a link to nothing", () => {
    symlinkSync(join(home, "gone"), join(home, "secrets.env"));
    expect(loadSecrets(home).warnings).toEqual([
      "secrets.env: it is a link to nothing; remove it or put its file back",
    ]);
  });
  test("are left out line by line when one is wrong, and its value is not shown", () => {
    writeFileSync(join(home, "secrets.env"), 'A=1\ns3cr3t\nb-s3cr3t=2\nBUN_OPTIONS=s3cr3t\nC="s3cr3t\nD=4\n', {
      mode: 0o600,
    });
    const { values, warnings } = loadSecrets(home);
    expect(values).toEqual({ A: "1", D: "4" });
    expect(warnings).toEqual([
      "secrets.env:2: this line is not NAME=value",
      "secrets.env:3: the name before = must be made of A-Z, 0-9 and _, for instance SLACK_URL=...",
      "secrets.env:4: BUN_OPTIONS is taken: names that begin with OFFHOOK_ or BUN_ are; choose another",
      "secrets.env:5: what follows C= has a quote that does not close",
    ]);
  });

  const lines: [line: string, value: string][] = [
    ["A=plain", "plain"],
    ["A = spaced ", "spaced"],
    ["export A=exported", "exported"],
    ['A="in quotes"', "in quotes"],
    ["A='it has \"both\"'", 'it has "both"'],
    ['A="a # b" # a comment', "a # b"],
    ["A=https://x.example/#part", "https://x.example/#part"],
    ["A=value # a comment", "value"],
    ["A=#fff", "#fff"],
    ["A=a=b=c", "a=b=c"],
    ["A=", ""],
    ["A=${B}$B\\n", "${B}$B\\n"],
    ["A=first\nA=second", "second"],
    ["\uFEFF# a mark and Windows\r\nA=x\r\n", "x"],
  ];
  for (const [line, value] of lines) {
    test(`${JSON.stringify(line)} is ${JSON.stringify(value)}`, () => {
      expect(parseSecrets(line)).toEqual({ values: { A: value }, problems: [] });
    });
  }
  test("are filled in once: what a secret holds is not looked at again", () => {
    expect(fillSecrets("a ${A} ${NOPE} ${constructor}", { A: "${B} $&", B: "x" })).toBe(
      "a ${B} $& ${NOPE} ${constructor}",
    );
  });
});

// Consumer files on a real disk: which are read, which are refused, and that one never harms another.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { consumerNames, loadConsumers } from "../src/config/load.ts";
import { directoryRefusal, readOwnFile } from "../src/config/own-file.ts";

const WELL = 'on = ["Stop"]\nbuiltin = "log"\n';
const NO_SECRETS = { values: {}, warnings: [] };
const NOBODY = 65_534;
const uid = process.geteuid?.() ?? 0;

let home: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "offhook home ")));
  mkdirSync(join(home, "consumers"), { mode: 0o700 });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const at = (name: string) => join(home, "consumers", name);

function put(name: string, text = WELL, mode = 0o600): string {
  writeFileSync(at(name), text);
  chmodSync(at(name), mode);
  return at(name);
}

const load = () => loadConsumers(home, NO_SECRETS);
const names = () => load().consumers.map((consumer) => consumer.name);
const errorsOf = (name: string) => load().broken.find((broken) => broken.name === name)?.errors ?? [];

describe("consumers", () => {
  test("are read in the order of their names, each with its path", () => {
    put("b.toml");
    put("a-2.toml");
    expect(names()).toEqual(["a-2", "b"]);
    expect(load().consumers[1]?.path).toBe(at("b.toml"));
  });
  test("are none without a directory", () => {
    rmSync(join(home, "consumers"), { recursive: true });
    expect(load()).toEqual({ consumers: [], broken: [] });
    expect(consumerNames(home)).toEqual([]);
  });
  test("are not what editors and systems leave beside them", () => {
    put("a.toml");
    for (const name of [
      "a.toml~",
      ".a.toml.swp",
      ".#a.toml",
      "#a.toml#",
      "a.toml.bak",
      "a.toml.orig",
      ".toml",
      ".hidden.toml",
      "4913",
      "README.md",
    ])
      put(name, "not TOML");
    expect(names()).toEqual(["a"]);
    expect(load().broken).toEqual([]);
  });
  test("have the secrets that their file names", () => {
    put("a.toml", 'on = ["Stop"]\nwebhook = { url = "${URL}" }');
    put("b.toml");
    const { consumers } = loadConsumers(home, { values: { URL: "https://x.example", OTHER: "x" } });
    expect(consumers.map((consumer) => consumer.secrets)).toEqual([{ URL: "https://x.example" }, {}]);
  });
});

describe("a broken file", () => {
  test("is told with its name, line and what to write, and the others go on", () => {
    put("bad.toml", 'on = ["Stop"]\ntimout = "5s"\nbuiltin = "log"');
    put("good.toml");
    expect(names()).toEqual(["good"]);
    expect(load().broken).toEqual([
      {
        name: "bad",
        path: at("bad.toml"),
        isName: true,
        isUnread: false,
        errors: ['consumers/bad.toml:2: unknown key "timout"; did you mean "timeout"?'],
      },
    ]);
    expect(consumerNames(home)).toEqual(["bad", "good"]);
  });

  const bad: [name: string, better: string][] = [
    ["Lint Python.toml", "; rename it to lint-python.toml"],
    ["lint_py.toml", "; rename it to lint-py.toml"],
    ["lint.v2.toml", "; rename it to lint-v2.toml"],
    ["$(touch x).toml", "; rename it to touch-x.toml"],
    ["ü.toml", ""],
  ];
  for (const [name, better] of bad) {
    test(`is one called ${name}`, () => {
      put(name);
      const { consumers, broken } = load();
      expect(consumers).toEqual([]);
      expect(broken[0]?.isName).toBe(false);
      expect(broken[0]?.errors).toEqual([
        `consumers/${name}: a consumer's name is made of a-z, 0-9 and -, at most 64 of them${better}`,
      ]);
      expect(consumerNames(home)).toEqual([]);
    });
  }
  test("is one whose name has a newline, told in one line", () => {
    put("a\nb.toml");
    expect(load().broken[0]?.errors[0]).toStartWith("consumers/a\\nb.toml: ");
  });
  test("is one of more than 1 MiB, and one of just that is read", () => {
    put("big.toml", WELL.padEnd(1_048_577, "#"));
    put("fits.toml", `${WELL}${"#".repeat(1_048_576 - WELL.length)}`);
    expect(errorsOf("big")).toEqual([
      "consumers/big.toml: it is larger than 1 MiB; nothing that is written by hand is",
    ]);
    expect(names()).toEqual(["fits"]);
  });
  test("is one that is not UTF-8", () => {
    writeFileSync(at("latin.toml"), Buffer.from("# \xfcber\n", "latin1"), { mode: 0o600 });
    expect(errorsOf("latin")).toEqual(["consumers/latin.toml: it is not UTF-8 text; save it as UTF-8"]);
  });
  test("is a directory, and a FIFO, which does not hold us up", () => {
    mkdirSync(at("dir.toml"));
    expect(Bun.spawnSync(["mkfifo", at("fifo.toml")]).exitCode).toBe(0);
    put("good.toml");
    expect(errorsOf("dir")).toEqual(["consumers/dir.toml: this is not a file; put a text file in its place"]);
    expect(errorsOf("fifo")).toEqual(["consumers/fifo.toml: this is not a file; put a text file in its place"]);
    expect(names()).toEqual(["good"]);
  });
  test("is a link to nothing, and a link to itself", () => {
    symlinkSync(join(home, "gone"), at("gone.toml"));
    symlinkSync(at("loop.toml"), at("loop.toml"));
    expect(errorsOf("gone")).toEqual(["consumers/gone.toml: it is a link to nothing; remove it or put its file back"]);
    expect(errorsOf("loop")[0]).toStartWith("consumers/loop.toml: it cannot be read: ELOOP");
  });
});

describe("a file that others could have written", () => {
  test("is refused when everybody can write it, with what to do", () => {
    put("wide.toml", WELL, 0o666);
    expect(errorsOf("wide")).toEqual([
      `consumers/wide.toml: it can be written by others, who could make anything run; do: chmod go-w '${at("wide.toml")}'`,
    ]);
    expect(names()).toEqual([]);
  });
  test("is refused when the group can write it and can come near", () => {
    put("group.toml", WELL, 0o664);
    chmodSync(join(home, "consumers"), 0o750);
    expect(errorsOf("group")[0]).toContain("it can be written by others");
  });
  test("is not one that only the group could write, in a directory that is closed to it", () => {
    put("group.toml", WELL, 0o664);
    expect(names()).toEqual(["group"]);
  });
  test("may be read by others", () => {
    put("a.toml", WELL, 0o644);
    expect(names()).toEqual(["a"]);
  });
  test("is looked at where a link leads", () => {
    const elsewhere = join(home, "dotfiles");
    mkdirSync(elsewhere, { mode: 0o755 });
    for (const [name, mode] of [
      ["well", 0o644],
      ["wide", 0o646],
      ["group", 0o664],
    ] as const) {
      renameSync(put(`${name}.toml`, WELL, mode), join(elsewhere, name));
      symlinkSync(join(elsewhere, name), at(`${name}.toml`));
    }
    expect(names()).toEqual(["well"]);
    expect(errorsOf("wide")[0]).toContain("it can be written by others");
    expect(errorsOf("group")[0]).toContain("it can be written by others");
  });
  test("is refused when it belongs to another user", () => {
    const path = put("theirs.toml", WELL);
    // Only root can give a file away; anybody can look at his own file as somebody else would.
    const owner = uid === 0 ? NOBODY : uid;
    if (uid === 0) chownSync(path, NOBODY, NOBODY);
    const said = readOwnFile(path, { secret: false, uid: uid === 0 ? 0 : uid + 1 });
    expect(said).toMatchObject({
      kind: "refused",
      why: expect.stringContaining(`it belongs to another user (uid ${owner}), who could make anything run`),
    });
  });
  test("is every file of a directory that others can write", () => {
    put("a.toml");
    put("b.toml");
    chmodSync(join(home, "consumers"), 0o777);
    const why = `the directory ${home}/consumers can be written by others; do: chmod 700 '${home}/consumers'`;
    expect(load().consumers).toEqual([]);
    expect(load().broken.map(({ name, errors }) => [name, errors])).toEqual([
      ["a", [why]],
      ["b", [why]],
    ]);
  });
  test("is every file of a directory that belongs to another user", () => {
    if (uid === 0) chownSync(join(home, "consumers"), NOBODY, NOBODY);
    expect(directoryRefusal(join(home, "consumers"), uid === 0 ? 0 : uid + 1)).toContain("belongs to another user");
  });
});

describe("a directory that cannot be listed", () => {
  test("is an error with what to do, since nobody knows what is in it", () => {
    rmSync(join(home, "consumers"), { recursive: true });
    writeFileSync(join(home, "consumers"), "");
    expect(load).toThrow("the consumers cannot be listed");
    expect(() => consumerNames(home)).toThrow("the consumers cannot be listed");
  });
});

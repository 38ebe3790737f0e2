// secrets.env as setup changes it: one value comes in, everything else stays as it was, and no value is ever shown.
import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSecrets } from "../src/config/secret-text.ts";
import { loadSecrets } from "../src/config/secrets.ts";
import { OffhookError } from "../src/errors.ts";
import { readSecretsText, withSecret, writeSecrets } from "../src/setup/secrets-file.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-test-")));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let homes = 0;
function newHome(): string {
  const home = join(root, `home-${++homes}`);
  mkdirSync(home, { mode: 0o700 });
  return home;
}

/** The error of what must not work. */
function errorOf(act: () => unknown): OffhookError {
  try {
    act();
  } catch (error) {
    if (error instanceof OffhookError) return error;
    throw error;
  }
  throw new Error("it went well, and should not have");
}

describe("a value in the text", () => {
  const url = "https://hooks.slack.com/services/T0/B0/x";

  test.each([
    ["an empty file gets a line", "", `SLACK_URL=${url}\n`],
    ["it comes after what is there", "A=1\n", `A=1\nSLACK_URL=${url}\n`],
    ["a last line without its end is ended", "A=1", `A=1\nSLACK_URL=${url}\n`],
    ["CRLF is kept", "A=1\r\nB=2\r\n", `A=1\r\nB=2\r\nSLACK_URL=${url}\r\n`],
    ["one that is there is replaced where it is", "A=1\nSLACK_URL=old\nB=2\n", `A=1\nSLACK_URL=${url}\nB=2\n`],
    ["of two the last one, which holds", "SLACK_URL=a\nSLACK_URL=b\n", `SLACK_URL=a\nSLACK_URL=${url}\n`],
    [
      "export, spaces and the comment stay",
      " export SLACK_URL = 'old'  # mine\n",
      ` export SLACK_URL = ${url}  # mine\n`,
    ],
    ["a comment after a bare value stays", "SLACK_URL=old # mine\r\nB=2", `SLACK_URL=${url} # mine\r\nB=2`],
    ["a byte order mark stays", "\uFEFFSLACK_URL=old\n", `\uFEFFSLACK_URL=${url}\n`],
    ["a line that was commented out stays", "#SLACK_URL=old\n", `#SLACK_URL=old\nSLACK_URL=${url}\n`],
    ["a quote that did not close is mended", "SLACK_URL='old\nB=2\n", `SLACK_URL=${url}\nB=2\n`],
    ["lines that are wrong are left alone", "what?\nslack=1\n", `what?\nslack=1\nSLACK_URL=${url}\n`],
  ])("%s", (_, text, expected) => {
    expect(withSecret(text, "SLACK_URL", url)).toBe(expected);
  });

  test("spaces, # and quotes are kept by quotes around them", () => {
    for (const value of ["a b", "a #b", " a ", '"a"', "it's", "'", '"', "a\\n", "$HOME ${X}", "ü ✓", "#", "a='b'"]) {
      expect(parseSecrets(withSecret("", "X", value)).values).toEqual({ X: value });
    }
  });

  test("what could not be read back is refused, and is not in the error", () => {
    const values = ["two\nlines", "a\rb", "nul\0", "\x1b[0m", "a\u2028b", "\ud800", `a" # ' #`, "tab\tbed"];
    for (const value of values) {
      const error = errorOf(() => withSecret("A=1\n", "SLACK_URL", value));
      expect(error.exitCode).toBe(64);
      expect(`${error.message} ${error.hint}`).not.toContain(value);
    }
  });

  test("names that secrets cannot have are refused", () => {
    for (const name of ["", "slack", "A B", "A=B", "1A", "OFFHOOK_HOME", "BUN_X", "A\nB"])
      expect(errorOf(() => withSecret("", name, "secret-value")).message).not.toContain("secret-value");
    expect(errorOf(() => withSecret("", "A", "")).exitCode).toBe(64);
  });

  test("whatever the file holds: the value is there, every other one is what it was, and no other line changes", () => {
    const pieces = [
      "A=1",
      "export B='x y' # c",
      "",
      "# no",
      "X=old",
      'X="o" # k',
      "broken",
      "C='open",
      "\tX = 1",
      "D=a=b\r",
    ];
    const values = ["v", "a b", "it's", "#x", 'say "x"', "https://e.x/?a=b#c"];
    let seed = 7;
    const next = (count: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % count;
    };
    for (let round = 0; round < 2_000; round++) {
      const lines = Array.from({ length: next(7) }, () => pieces[next(pieces.length)] ?? "");
      const text = lines.join("\n");
      const value = values[next(values.length)] ?? "";
      const changed = withSecret(text, "X", value);
      const { X, ...others } = parseSecrets(text).values;
      expect(parseSecrets(changed).values).toEqual({ ...others, X: value });
      const after = changed.split("\n");
      const different = lines.filter(
        (line, index) => line !== (after[index] ?? "").replace(/\r$/, "") && line !== after[index],
      );
      expect(different.length).toBeLessThanOrEqual(1);
      expect(withSecret(changed, "X", value)).toBe(changed);
    }
  });
});

describe("the file", () => {
  test("is made 0600 whatever the umask, and reads back through the reader of the daemon", () => {
    const home = newHome();
    const before = process.umask(0);
    try {
      writeSecrets(home, withSecret(readSecretsText(home) ?? "", "SLACK_URL", "https://e.example/x y"));
    } finally {
      process.umask(before);
    }
    const path = join(home, "secrets.env");
    expect(statSync(path).mode & 0o7777).toBe(0o600);
    expect(loadSecrets(home)).toEqual({
      values: { SLACK_URL: "https://e.example/x y" },
      warnings: [],
      isUnread: false,
    });
    expect(readdirSync(home)).toEqual(["secrets.env"]);
  });

  test("a wide mode is closed by the first look", () => {
    const home = newHome();
    writeFileSync(join(home, "secrets.env"), "A=1\n");
    chmodSync(join(home, "secrets.env"), 0o644);
    writeSecrets(home, withSecret(readSecretsText(home) ?? "", "B", "2"));
    expect(statSync(join(home, "secrets.env")).mode & 0o7777).toBe(0o600);
    expect(readFileSync(join(home, "secrets.env"), "utf8")).toBe("A=1\nB=2\n");
  });

  test("a link stays a link, and what it leads to is written", () => {
    const home = newHome();
    const real = join(newHome(), "elsewhere.env");
    writeFileSync(real, "A=1\n", { mode: 0o600 });
    symlinkSync(real, join(home, "secrets.env"));
    writeSecrets(home, "A=2\n");
    expect(lstatSync(join(home, "secrets.env")).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, "utf8")).toBe("A=2\n");
  });

  test("one that cannot be trusted is neither read nor written over", () => {
    const home = newHome();
    mkdirSync(join(home, "secrets.env"));
    expect(errorOf(() => readSecretsText(home)).exitCode).toBe(77);
    const error = errorOf(() => writeSecrets(home, "A=very-secret\n"));
    expect(`${error.exitCode} ${error.message} ${error.hint}`).toMatch(/^77 /);
    expect(error.message).not.toContain("very-secret");
    expect(readdirSync(home)).toEqual(["secrets.env"]);
  });

  test("a home that is not there, and a text that would not be read, are errors without a value", () => {
    const error = errorOf(() => writeSecrets(join(root, "nowhere"), "A=very-secret\n"));
    expect(error.exitCode).toBe(77);
    expect(error.message).not.toContain("very-secret");
    const home = newHome();
    expect(errorOf(() => writeSecrets(home, `A=${"x".repeat(1024 * 1024)}\n`)).exitCode).toBe(78);
    expect(readdirSync(home)).toEqual([]);
  });
});

// What people are told of an action that is wrong, and above all of one through which event data would become code.
import { describe, expect, test } from "bun:test";
import { errorsOf, ON, type Row } from "./consumer-errors.ts";

const SECRETS = { TOKEN: "s3cr3t-token", NOT_A_URL: "s3cr3t-word" };

const errors = (text: string) => errorsOf(text, SECRETS);

describe("what is said of commands", () => {
  const rows: Row[] = [
    ["of nothing to do", "", ["lint.toml:1: nothing to do: write one of run, shell, webhook, builtin"]],
    [
      "of two things to do",
      'run = ["true"]\nshell = "true"',
      ["lint.toml:3: run and shell exclude each other; keep one"],
    ],
    [
      "of a command in one text",
      'run = "ruff check {file}"',
      [
        'lint.toml:2: run = "ruff check {file}" must be a list of words, for instance ["ruff", "check", "--", "{file}"]; a line for the shell goes into shell',
      ],
    ],
    [
      "of a command with its arguments in one word",
      'run = ["ruff check"]',
      ['lint.toml:2: run[1] = "ruff check" must be the command alone; write each word by itself: ["ruff","check"]'],
    ],
    [
      "of no command",
      "run = []",
      ['lint.toml:2: run must name a command, for instance ["ruff", "check", "--", "{file}"]'],
    ],
    ["of a command that is empty", 'run = [""]', ['lint.toml:2: run[1] = "" must be a command']],
    [
      "of a number among the arguments",
      'run = ["head", 3]',
      ["lint.toml:2: run[2] = 3 must be a text in quotes, like every argument"],
    ],
    [
      "of a command that the project brings",
      'run = ["./lint.sh", "{file}"]',
      [
        'lint.toml:2: run = "./lint.sh" would run what any repository brings along; name the projects that you trust with projects = ["~/..."]',
      ],
    ],
    [
      "of one that it brings by another way",
      'run = ["bin/lint"]',
      [
        'lint.toml:2: run = "bin/lint" would run what any repository brings along; name the projects that you trust with projects = ["~/..."]',
      ],
    ],
    [
      "of a command out of the event",
      'run = ["{file}"]',
      ['lint.toml:2: run[1] = "{file}" must be a command: event data cannot choose what runs'],
    ],
    [
      "of a placeholder inside an argument",
      'run = ["x", "--file={file}"]',
      [
        'lint.toml:2: run[2] = "--file={file}" has {file} inside a longer text; write it as an argument of its own: "{file}"',
      ],
    ],
    [
      "of event data as code for a shell",
      'run = ["sh", "-c", "{file}"]',
      ['lint.toml:2: run[3] = "{file}" would be run as code by sh; give it as an argument after the code'],
    ],
    [
      "of event data as code for a python",
      'run = ["env", "/usr/bin/python3.13", "-Ic", "{file}"]',
      ['lint.toml:2: run[4] = "{file}" would be run as code by env; give it as an argument after the code'],
    ],
    [
      "of the event as an argument",
      'run = ["x", "{event}"]',
      ['lint.toml:2: run[2] = "{event}" is not known: the event is on the command\'s stdin'],
    ],
    [
      "of a placeholder in a shell line",
      'shell = "ruff check {file}"',
      [
        'lint.toml:2: shell = "ruff check {file}" has {file}, and event data is never pasted into code; use "$OFFHOOK_FILE"',
      ],
    ],
    [
      "of one without a variable",
      'shell = "echo {tool}"',
      [
        'lint.toml:2: shell = "echo {tool}" has {tool}, and event data is never pasted into code; read the event from stdin, which is JSON',
      ],
    ],
  ];
  for (const [sentence, text, said] of rows) test(sentence, () => expect(errors(ON + text)).toEqual(said));
});

describe("what is said of webhooks", () => {
  const rows: Row[] = [
    [
      "of a webhook in one text",
      'webhook = "https://example.com/s3cr3t"',
      ['lint.toml:2: webhook must be a table, for instance { url = "${SLACK_URL}", preset = "slack" }'],
    ],
    [
      "of a webhook without address",
      'webhook = { preset = "slack" }',
      ['lint.toml:2: webhook.url is missing; write for instance url = "${SLACK_URL}"'],
    ],
    [
      "of an address that is none",
      'webhook = { url = "ftp://example.com/s3cr3t" }',
      ["lint.toml:2: webhook.url must be an address that begins with https:// or http://"],
    ],
    [
      "of a secret that is no address",
      'webhook = { url = "${NOT_A_URL}" }',
      ["lint.toml:2: webhook.url must be an address that begins with https:// or http://"],
    ],
    [
      "of a secret that is not there",
      'webhook = { url = "${SLACK}" }',
      ["lint.toml:2: webhook.url names ${SLACK}, and secrets.env has no SLACK; add the line SLACK=... to it"],
    ],
    [
      "of a variable in an argument",
      'run = ["x", "${HOME}/y"]',
      ["lint.toml:2: run names ${HOME}, and secrets.env has no HOME; add the line HOME=... to it"],
    ],
    [
      "of a secret in small letters",
      'webhook = { url = "https://x.example", headers = { A = "${token}" } }',
      ["lint.toml:2: webhook.headers names ${token}, and names of secrets are in capitals, as in secrets.env"],
    ],
    [
      "of a secret without its braces",
      'webhook = { url = "https://x.example", headers = { A = "Bearer $TOKEN" } }',
      ["lint.toml:2: webhook.headers has $TOKEN, which is left as it is here; write ${TOKEN}"],
    ],
    [
      "of event data in an address",
      'webhook = { url = "https://x.example/{file}" }',
      ["lint.toml:2: webhook.url must not hold event data; placeholders may stand in body"],
    ],
    [
      "of event data in a header",
      'webhook = { url = "https://x.example", headers = { A = "{file}" } }',
      ["lint.toml:2: webhook.headers.A must not hold event data; placeholders may stand in body"],
    ],
    [
      "of a header that would be two",
      'webhook = { url = "https://x.example", headers = { A = "x\\r\\nB: y" } }',
      ["lint.toml:2: webhook.headers.A must be one line of plain characters"],
    ],
    [
      "of a body beside a preset",
      'webhook = { url = "https://x.example", preset = "slack", body = "x" }',
      ["lint.toml:2: webhook must have preset or body, not both: a preset is a body"],
    ],
    [
      "of JSON put together from text",
      'webhook = { url = "https://x.example", body = \'{"text":"{file}"}\' }',
      [
        'lint.toml:2: webhook.body would paste event data into code; JSON is written as a table, for instance { text = "{file}" }',
      ],
    ],
    [
      "of HTML put together from text",
      'webhook = { url = "https://x.example", headers = { Content-Type = "text/html" }, body = "see {file}" }',
      [
        "lint.toml:2: webhook would paste event data into code: a text body goes as text/plain only; JSON is written as a table",
      ],
    ],
    [
      "of GET",
      'webhook = { url = "https://x.example", method = "GET" }',
      ['lint.toml:2: webhook.method = "GET" must be one of "POST", "PUT", "PATCH"'],
    ],
  ];
  for (const [sentence, text, said] of rows) test(sentence, () => expect(errors(ON + text)).toEqual(said));

  test("never holds a secret or an address", () => {
    const text = `${ON}timeout = 1
      [webhook]
      url = "ftp://s3cr3t"
      headers = { "a b" = "s3cr3t", B = "s3cr3t {file}", C = "s3cr3t\\n" }
      body = "s3cr3t {fiel} \${TOKEN} \${NOPE}"
      preset = "s3cr3t"
      metod = "s3cr3t"`;
    const said = errors(text).filter((line) => !line.includes("webhook.preset"));
    expect(said.length).toBeGreaterThan(6);
    expect(said.join("\n")).not.toContain("s3cr3t");
  });
});

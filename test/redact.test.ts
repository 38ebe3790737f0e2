// What redaction leaves alone, what lean keeps, and that time grows with length alone.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { outgoing } from "../src/redact/outgoing.ts";
import { patternFinder } from "../src/redact/pattern.ts";
import { makeRedact } from "../src/redact/redact.ts";
import { storedEvent } from "./fixtures/delivery.ts";

const ROOT = join(import.meta.dir, "..");
const FIXTURES = readFileSync(join(import.meta.dir, "fixtures", "claude-code-2.1.329.jsonl"), "utf8")
  .trim()
  .split("\n");
const redact = makeRedact({ patterns: [], secretValues: {} });
const hash = (length: number, encoding: "hex" | "base64") =>
  new Bun.CryptoHasher("sha512").update("a").digest(encoding).slice(0, length);

describe("what is no secret stays as it is", () => {
  const code = [
    'const token = await readToken(path);\nif (token.kind === "identifier") next();',
    "password: string;\ntoken?: Token | null;\nsecret = os.environ['SECRET']\napi_key: str = Field(...)",
    'parser.add_argument("--password", help="asked for when absent")\nself.token = token',
    'password = getpass.getpass("Password: ")\nDB_PASSWORD=$DB_PASSWORD ./run\nexport TOKEN="${CI_TOKEN}"',
    "env:\n  TOKEN: ${{ secrets.TOKEN }}\n  password: {{ .Values.password }}\n  apiKey: <your key>",
    '{ "password": "Password", "token": "keyword.control", "max_tokens": 4096, "next_page_token": "CAUQAA9x1" }',
    "Authorization: Bearer ${token}\nAuthorization: Bearer <token>\nThe password is required. Use --password or --token.",
    "git commit 3f786850e387550fdab836ed7e6dc881de23001b\nid: 5f97a1c4-a1df-4a2c-ba8a-529ba1650b3d",
    `"integrity": "sha512-${hash(86, "base64")}==",\nsha256: ${hash(64, "hex")}`,
    `<img src="data:image/png;base64,${hash(80, "base64")}">`,
    "https://example.com:8080/a@2x.png?page=2 git@github.com:ann/shop.git ssh://git@host/x redis://localhost:6379/0",
    "docker run -u 1000:1000 -p 8080:80 nginx\nmkdir -p src/auth\nps -u root",
    "-----BEGIN CERTIFICATE-----\nMIIBxyz\n-----END CERTIFICATE-----\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5 ann@host",
    "the task-runner asks for a key; press any key: y\nkey: value\nkeys = [1, 2]\nmonkey = 'see'",
    "ya29 SK SG.x eyJ sk- ghp_ AKIA re_export_all hf_hub_download npm_config_registry key-value pat.x api-version",
  ];
  test.each(code.map((text) => [text.slice(0, 40), text]))("%j", (_, text) => {
    expect(redact(text)).toBe(text);
    const json = JSON.stringify({ tool_input: { content: text, nested: [JSON.stringify({ text })] } }, null, 1);
    expect(redact(json)).toBe(json);
  });

  test("payloads of Claude Code", () => {
    for (const line of FIXTURES) expect(redact(line)).toBe(line);
    expect(FIXTURES.length).toBeGreaterThan(30);
  });

  test("the sources of this program and its lockfile", async () => {
    const files = ["src/**/*.ts", "docs/*.md", "*.lock", "*.md"].flatMap((glob) => [
      ...new Bun.Glob(glob).scanSync(ROOT),
    ]);
    const changed = files.filter((file) => {
      const text = readFileSync(join(ROOT, file), "utf8");
      return redact(text) !== text;
    });
    expect(files.length).toBeGreaterThan(150);
    expect(changed).toEqual([]);
  });
});

describe("JSON", () => {
  test("keeps numbers, order and white space; only strings with secrets are written anew", () => {
    const odd =
      ' { "b" : 12345678901234567890.10 , "a":[ 1e400,-0 ],\n"c":"\\u00e9\\/", "password" :"hunter2-x", "pin":1.0 }\n';
    expect(redact(odd)).toBe(odd.replace('"hunter2-x"', '"[redacted:named-secret]"'));
  });
  test("knows a secret's name in front of a text, a number and a list", () => {
    const json =
      '{"client_secret":"two words","api_key":90071992547409931,"passwords":["one-1-one"],"token_count":123456}';
    expect(
      JSON.parse(redact('{"client_secret":"two words","api_key":90071992547409931,"token_count":123456}')),
    ).toEqual({
      client_secret: "[redacted:named-secret]",
      api_key: "[redacted:named-secret]",
      token_count: 123456,
    });
    expect(redact(json)).toContain('"passwords":["[redacted:named-secret]"]');
  });
  test("with escapes that hide a secret is read as it is meant", () => {
    const token = `gh${"p_"}${"a1B2".repeat(9)}`;
    const hidden = `{"a":"\\u0067${token.slice(1)}","${token}":1}`;
    expect(redact(hidden)).toBe('{"a":"[redacted:github-token]","[redacted:github-token]":1}');
  });
});

describe("payload", () => {
  const send = (
    data: string,
    payload: "lean" | "none",
    contentType: "application/json" | "text/plain" = "application/json",
  ) => outgoing(storedEvent({ data, contentType }), payload, redact);

  test("lean keeps names, places, states and sizes, and drops contents", () => {
    const lean = FIXTURES.map((line) => send(line, "lean").data);
    const contents = FIXTURES.flatMap((line) => {
      const { tool_input: input = {}, tool_response: answer = {}, ...top } = JSON.parse(line);
      return [
        input.content,
        input.new_string,
        input.old_string,
        input.new_source,
        input.command,
        input.prompt,
        input.description,
      ]
        .concat([answer.stdout, answer.content, answer.originalFile, answer.newString, answer.file?.content])
        .concat([top.prompt, top.last_assistant_message, top.task_description]);
    }).filter((text) => typeof text === "string" && text.length > 3);
    expect(contents.length).toBeGreaterThan(20);
    for (const text of contents) expect(lean.join("\n")).not.toContain(JSON.stringify(text));
    for (const [index, line] of FIXTURES.entries()) {
      const before = JSON.parse(line);
      const after = JSON.parse(lean[index] ?? "");
      for (const key of [
        "session_id",
        "cwd",
        "hook_event_name",
        "tool_name",
        "permission_mode",
        "duration_ms",
        "tool_use_id",
      ])
        expect(after[key]).toEqual(before[key]);
      expect(after.tool_input?.file_path).toBe(before.tool_input?.file_path);
    }
  });
  test("lean keeps an exit code, an integer exactly, and nothing that it does not know", () => {
    const data =
      '{"hook_event_name":"X","duration_ms":12345678901234567890,"error":"Exit code 3\\nsecret things","new":{"a":1},"tool_input":{"command":"x","timeout":5},"tool_response":[1]}';
    expect(send(data, "lean").data).toBe(
      '{"hook_event_name":"X","duration_ms":12345678901234567890,"error":"Exit code 3","tool_input":{"timeout":5}}',
    );
    expect(send("[1]", "lean").data).toBe("{}");
    expect(send("plain", "lean", "text/plain")).toMatchObject({ contentType: "application/json", data: "{}" });
  });
  test("none has no data, and the event is still about its file", () => {
    expect(send('{"a":1}', "none")).toMatchObject({
      data: "{}",
      subject: storedEvent().subject,
      type: storedEvent().type,
    });
  });
});

describe("time grows with length alone", () => {
  const hostile = [
    "password=",
    "auth:auth:",
    "eyJ",
    "-----BEGIN PRIVATE KEY-----\n",
    "://a:",
    '\\"',
    "ghp_",
    "curl -u a:b ",
    "cookie: a=b; ",
  ];
  const timed = (run: () => unknown) => {
    const start = Bun.nanoseconds();
    run();
    return Bun.nanoseconds() - start;
  };
  /** Eight times the text, so many times the time (8; 64 where it grows with the square): the best of each, taken in turns. */
  const ratio = (run: (text: string) => unknown, unit: string) => {
    const text = unit.repeat(Math.ceil(100_000 / unit.length));
    const long = text.repeat(8);
    run(text);
    let [once, more] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let turn = 0; turn < 10 && (turn < 3 || more / once > 12); turn++) {
      once = Math.min(once, ...[1, 2, 3].map(() => timed(() => run(text))));
      more = Math.min(
        more,
        timed(() => run(long)),
      );
    }
    return more / once;
  };

  test.each(hostile)("for %j without end", (unit) => {
    expect(ratio(redact, unit)).toBeLessThan(20);
  });
  test.each(["(a+)+b", "(a|a)*b", "(\\w+\\w+)+@"])("for the pattern %s", (pattern) => {
    const run = (text: string) => patternFinder(pattern, "p")(text, () => {});
    expect(ratio(run, "aaaaaaaa")).toBeLessThan(20);
  });
});

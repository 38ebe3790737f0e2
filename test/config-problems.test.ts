// What people are told of a consumer file that is wrong: keys, values, and everything at once.
import { describe, expect, test } from "bun:test";
import { errorsOf as errors, ON, type Row } from "./consumer-errors.ts";

describe("what is said", () => {
  const rows: Row[] = [
    [
      "of a mistyped key",
      'builtin = "log"\ntool = ["Write"]',
      ['lint.toml:3: unknown key "tool"; did you mean "tools"?'],
    ],
    [
      "of a mistyped key in a table",
      'builtin = "log"\n[retry]\nbackof = "2s"',
      ['lint.toml:4: unknown key "retry.backof"; did you mean "retry.backoff"?'],
    ],
    [
      "of a number without a unit",
      'builtin = "log"\n\ntimeout = 90',
      ['lint.toml:4: timeout = 90 must be text with a unit, for instance "90s"'],
    ],
    [
      "of a unit that is none",
      'builtin = "log"\ntimeout = "60"',
      ['lint.toml:3: timeout = "60" must be a whole number and a unit (ms, s, m, h, d), for instance "250ms" or "5m"'],
    ],
    [
      "of a time that no timer can wait",
      'builtin = "log"\ntimeout = "25d"',
      ['lint.toml:3: timeout = "25d" must be at most "24d"'],
    ],
    [
      "of a text for a list",
      'builtin = "log"\ntools = "Write"',
      ['lint.toml:3: tools = "Write" must be a list, for instance ["Write", "Edit"]'],
    ],
    [
      "of a matcher in the way of Claude Code",
      'builtin = "log"\ntools = ["Write|Edit"]',
      [
        'lint.toml:3: tools[1] = "Write|Edit" must be one tool; several are a list, ["Write", "Edit"], without "|", "," or "!"',
      ],
    ],
    [
      "of an empty list",
      'builtin = "log"\nfiles = []',
      ['lint.toml:3: files must not be empty, for instance ["**/*.py"]'],
    ],
    [
      "of a word that is not one of a few",
      'builtin = "log"\nagent = "Main"',
      ['lint.toml:3: agent = "Main" must be one of "main", "subagent", "any"'],
    ],
    [
      "of quotes around true",
      'builtin = "log"\norder = "true"',
      ['lint.toml:3: order = "true" must be true or false, without quotes'],
    ],
    [
      "of exit codes with a meaning of their own",
      'builtin = "log"\nfindings = [75, 100]',
      [
        'lint.toml:3: findings[1] = 75 is refused: exit 75 always means "try again later"',
        'lint.toml:3: findings[2] = 100 is refused: exit 100 always means "give up: dead letter"',
      ],
    ],
    [
      "of exit codes that there are not",
      'builtin = "log"\nfindings = [0, 256]',
      [
        "lint.toml:3: findings[1] = 0 must be a whole number from 1 to 255",
        "lint.toml:3: findings[2] = 256 must be a whole number from 1 to 255",
      ],
    ],
    [
      "of too much at once",
      'builtin = "log"\nconcurrency = 65',
      ["lint.toml:3: concurrency = 65 must be a whole number from 1 to 64"],
    ],
    [
      "of a number without end, once",
      'builtin = "log"\nmax_depth = inf',
      ["lint.toml:3: max_depth = Infinity must be a whole number from 0 to 100"],
    ],
    [
      "of a retry that can never wait so long",
      'builtin = "log"\nretry = { backoff = "10m" }',
      ["lint.toml:3: retry must have a max_backoff (5m) of at least backoff (10m)"],
    ],
    [
      "of a list of tables where one belongs",
      'builtin = "log"\n[[retry]]\nmax = 5',
      ['lint.toml:3: retry must be a table, for instance { max = 3, backoff = "2s", max_backoff = "5m" }'],
    ],
    [
      "of a date where a table belongs",
      'builtin = "log"\nretry = 2026-01-01',
      ['lint.toml:3: retry must be a table, for instance { max = 3, backoff = "2s", max_backoff = "5m" }'],
    ],
    [
      "of a project that is no place",
      'builtin = "log"\nprojects = ["shop"]',
      ['lint.toml:3: projects[1] = "shop" must be an absolute path or start with "~/"'],
    ],
    [
      "of files that name a place",
      'builtin = "log"\nfiles = ["~/shop/*.py"]',
      [
        'lint.toml:3: files[1] = "~/shop/*.py" is matched against the path inside the project, which has no ~; name the project with projects',
      ],
    ],
    [
      "of a key without its braces",
      'builtin = "log"\nkey = "file"',
      ['lint.toml:3: key = "file" is the same for every event; write "{file}"'],
    ],
    [
      "of a path that no event has",
      'builtin = "log"\nwhere = { permission_mode = "x" }',
      ['lint.toml:3: where has the path "permission_mode", which no event has; did you mean "data.permission_mode"?'],
    ],
    [
      "of an attribute that is mistyped",
      'builtin = "log"\nwhere = { sesionid = "x" }',
      ['lint.toml:3: where has the path "sesionid", which no event has; did you mean "sessionid"?'],
    ],
    [
      "of a rule without a glob, which would let all pass",
      'builtin = "log"\nwhere.data.x = {}',
      ['lint.toml:3: where has no text for "data.x"; write a glob, for instance "acceptEdits"'],
    ],
    [
      "of a date for a glob",
      'builtin = "log"\nwhere."data.x" = 2026-01-01',
      ['lint.toml:3: where has no text for "data.x"; write a glob, for instance "acceptEdits"'],
    ],
    [
      "of a broken line",
      'builtin = "log"\ntimeout = 5m',
      ["lint.toml:3: this is not TOML: unexpected character after a value: 'm'"],
    ],
    [
      "of a key that every JavaScript object has",
      'builtin = "log"\n__proto__ = { enabled = true }',
      ["lint.toml:3: the key __proto__ cannot be used"],
    ],
    [
      "of nesting without end",
      `webhook = { url = "https://x.example", body = ${"[".repeat(3_000)}1${"]".repeat(3_000)} }`,
      ["lint.toml:2: tables and lists are nested more than 40 deep"],
    ],
  ];
  for (const [sentence, text, said] of rows) test(sentence, () => expect(errors(ON + text)).toEqual(said));

  test("of a file without on", () => {
    expect(errors('builtin = "log"')).toEqual(['lint.toml:1: on is missing; write for instance on = ["PostToolUse"]']);
  });
  test("of an empty file is both things that are missing", () => {
    expect(errors("")).toEqual([
      'lint.toml:1: on is missing; write for instance on = ["PostToolUse"]',
      "lint.toml:1: nothing to do: write one of run, shell, webhook, builtin",
    ]);
  });
  test("is all that is wrong, in the order of the file", () => {
    const said = errors(
      'timeout = 60\nfils = ["*.py"]\non = "Stop"\nagent = "x"\nrun = ["x", "{fiel}"]\npartitions = 2',
    );
    expect(said.map((line) => line.slice(0, 24))).toEqual([
      "lint.toml:1: timeout = 6",
      "lint.toml:2: unknown key",
      'lint.toml:3: on = "Stop"',
      'lint.toml:4: agent = "x"',
      'lint.toml:5: run[2] = "{',
      "lint.toml:6: partitions ",
    ]);
  });
  test("of an unknown placeholder names those that are known", () => {
    const [said = ""] = errors(`${ON}run = ["x", "{fiel}"]`);
    expect(said).toStartWith(
      'lint.toml:2: run[2] = "{fiel}" is not known; did you mean {file}? known are {file} {project}',
    );
    const [body = ""] = errors(`${ON}webhook = { url = "https://x.example", body = "in {projekt}" }`);
    expect(body).toContain("webhook.body has {projekt}, which is not known here; did you mean {project}?");
    const [key = ""] = errors(`${ON}builtin = "log"\nkey = "{id}"`);
    expect(key).toContain("known are {file} {project} {session} {agent} {tool} {type} {node}");
  });
});

// Secrets to plant: kinds of them in the texts in which they come, and payloads that hold such texts. All are put together at run
// time from a seed, so that no file of this repository holds anything that looks like a token, and none was ever a real one.

/** `secret`: what must not arrive anywhere, no 8 characters of it. `text`: what a file or a terminal shows. */
export type Planted = { kind: string; secret: string; text: string };

const LETTERS = "abcdefghijkmnopqrstuvwxyz";
const DIGITS = "23456789";
const ANY = LETTERS + LETTERS.toUpperCase() + DIGITS;

/** Characters that look random and are the same in every run. */
function makeRandom(seed: number): (length: number, from?: string) => string {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return (length, from = ANY) => Array.from({ length }, () => from.charAt(Math.floor(next() * from.length))).join("");
}

/** More than 40 kinds of secrets, each in a text of its kind. */
export function plantedSecrets(): Planted[] {
  const random = makeRandom(20_261_121);
  const hex = (length: number) => random(length, "0123456789abcdef");
  const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const lines = (count: number) => Array.from({ length: count }, () => random(64, `${ANY}+/`));
  const dashes = "-".repeat(5);
  const pem = (label: string, body: string[]) =>
    [`${dashes}BEGIN ${label}${dashes}`, ...body, `${dashes}END ${label}${dashes}`].join("\n");
  const planted: Planted[] = [];
  const add = (kind: string, secret: string, text: (secret: string) => string) =>
    planted.push({ kind, secret, text: text(secret) });
  const alone = (secret: string) => `logged in, using ${secret} for this run\n`;
  const begun = (kind: string, start: string[], rest: string) => add(kind, start.join("") + rest, alone);

  begun("GitHub classic", ["gh", "p_"], random(36));
  begun("GitHub fine-grained", ["github", "_pat_"], `${random(22)}_${random(59)}`);
  begun("GitHub app", ["gh", "s_"], random(36));
  begun("GitLab", ["gl", "pat-"], random(20));
  begun("Slack bot", ["xo", "xb-"], `${random(12, DIGITS)}-${random(12, DIGITS)}-${random(24)}`);
  add(
    "Slack webhook",
    `T${random(10)}/B${random(10)}/${random(24)}`,
    (path) => `curl https://hooks.slack${".com/services/"}${path}\n`,
  );
  add(
    "Discord webhook",
    `${random(18, DIGITS)}/${random(68)}`,
    (path) => `url: https://discord.com/api/${"webhooks"}/${path}\n`,
  );
  add("Telegram bot", `${random(9, DIGITS)}:AA${random(33)}`, alone);
  begun("AWS key id", ["AK", "IA"], random(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"));
  add(
    "AWS secret key",
    random(40, `${ANY}+/`),
    (key) => `[default]\naws_secret_access_key = ${key}\nregion = eu-west-1\n`,
  );
  begun("Google API", ["AI", "za"], random(35));
  begun("Stripe", ["sk_", "live_"], random(24));
  begun("npm", ["np", "m_"], random(36));
  begun("PyPI", ["pypi-", "AgEI"], random(120));
  begun("Docker Hub", ["dckr", "_pat_"], random(27));
  begun("Anthropic", ["sk-", "ant-api03-"], `${random(93)}AA`);
  begun("OpenAI", ["sk-", "proj-"], random(100));
  begun("Hugging Face", ["hf", "_"], random(34));
  begun("SendGrid", ["S", "G."], `${random(22)}.${random(43)}`);
  begun("Twilio", ["S", "K"], hex(32));
  begun("DigitalOcean", ["dop", "_v1_"], hex(64));
  begun("Shopify", ["shp", "at_"], hex(32));
  begun("Vault", ["hv", "s."], random(90));
  begun("age", ["AGE-SECRET", "-KEY-1"], random(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"));
  add("JWT", `${base64url({ alg: "HS256", typ: "JWT" })}.${base64url({ sub: random(12) })}.${random(43)}`, alone);
  add("RSA private key", lines(6).join("\n"), (body) => `${pem("RSA PRIVATE KEY", body.split("\n"))}\n`);
  add("private key in JSON", lines(4).join("\n"), (body) =>
    JSON.stringify({ type: "service_account", private_key: pem("PRIVATE KEY", body.split("\n")) }, null, 2),
  );
  add(
    "OpenSSH private key, cut off",
    lines(5).join("\n"),
    (body) => `$ head -6 id\n${pem("OPENSSH PRIVATE KEY", body.split("\n")).split("\n").slice(0, -1).join("\n")}\n`,
  );
  add("Authorization", random(30), (token) => `GET / HTTP/1.1\nauthorization: Bearer ${token}\nAccept: */*\n`);
  add(
    "Authorization in curl",
    random(40),
    (token) => `curl -sS -H "AUTHORIZATION: token ${token}" https://git.example/api\n`,
  );
  add(
    "Proxy-Authorization",
    Buffer.from(`ann:${random(14)}`).toString("base64"),
    (basic) => `Proxy-Authorization: Basic ${basic}\n`,
  );
  add(
    "Cookie",
    `session=${random(32)}; theme_${random(9)}=1`,
    (cookie) => `> Cookie: ${cookie}\n> Host: shop.example\n`,
  );
  add("X-Api-Key", random(24), (key) => `fetch(url, { headers: { "x-api-key": "${key}", accept: "*/*" } });\n`);
  add("login of curl", random(16), (password) => `curl -u ann:${password} https://shop.example/orders\n`);
  add("password in an address", random(14), (password) => `git clone https://ann:${password}@git.example/shop.git\n`);
  add(
    "PostgreSQL address",
    random(18),
    (password) => `DATABASE_URL=postgres://shop:${password}@db.example:5432/shop?sslmode=require\n`,
  );
  add(
    "ADO connection string",
    random(18),
    (password) => `Server=db.example;Database=shop;User Id=sa;Password=${password};Encrypt=true\n`,
  );
  add(
    "storage key",
    `${random(86, `${ANY}+/`)}==`,
    (key) => `DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=${key};EndpointSuffix=core.example\n`,
  );
  add(".env", random(15), (password) => `# settings\nDB_HOST=localhost\nDB_PASSWORD=${password}\nDEBUG=1\n`);
  add("export", random(20), (token) => `export DEPLOY_TOKEN='${token}'\n./deploy.sh\n`);
  add("YAML", random(13), (password) => `database:\n  host: db.example\n  password: ${password}\n  port: 5432\n`);
  add("TOML", random(22), (secret) => `[oauth]\nclient_id = "shop"\nclient_secret = "${secret}"\n`);
  add("JSON", random(26), (key) => `{\n  "region": "eu",\n  "apiKey": "${key}"\n}\n`);
  add("JSON in JSON", random(26), (key) =>
    JSON.stringify({ body: JSON.stringify({ access_token: key, expires_in: 3600 }) }),
  );
  add("Kubernetes", random(19), (value) => `env:\n  - name: SMTP_PASSWORD\n    value: ${value}\n`);
  add(
    "XML",
    random(17),
    (password) => `<server>\n  <username>ann</username>\n  <password>${password}</password>\n</server>\n`,
  );
  add("option", random(16), (token) => `render upload --auth-token ${token} out.png\n`);
  add(".npmrc", random(36), (token) => `//registry.example/:_authToken=${token}\n`);
  add(".netrc", random(12), (password) => `machine git.example\n  login ann\n  password ${password}\n`);
  add("code", random(18), (password) => `const pool = new Pool({ user: "shop", password: "${password}", max: 4 });\n`);
  add(
    "query of an address",
    random(32),
    (token) => `https://api.example/v1/items?page=2&access_token=${token}&sort=asc\n`,
  );
  return planted;
}

/** Payloads of PostToolUse that hold a text where a real one would: written, run, answered, nested, escaped, listed, in a patch. */
export function payloadsWith(text: string, cwd: string): Record<string, Record<string, unknown>> {
  const of = (tool: string, input: unknown, response: unknown) => ({
    session_id: "5f97a1c4-a1df-4a2c-ba8a-529ba1650b3d",
    transcript_path: `${cwd}/.claude/t.jsonl`,
    cwd,
    permission_mode: "acceptEdits",
    hook_event_name: "PostToolUse",
    tool_name: tool,
    tool_input: input,
    tool_response: response,
    // Of its own for each: the same one twice would be one firing that came twice.
    tool_use_id: `toolu_${Bun.hash(JSON.stringify([tool, input, response])).toString(16)}`,
    duration_ms: 13,
  });
  const file = `${cwd}/settings.txt`;
  const done = { stdout: "", stderr: "", interrupted: false, isImage: false };
  return {
    written: of(
      "Write",
      { file_path: file, content: `# first\n${text}` },
      { type: "create", filePath: file, content: text },
    ),
    patched: of(
      "Edit",
      { file_path: file, old_string: "x = 1\n", new_string: text },
      {
        filePath: file,
        structuredPatch: [{ oldStart: 1, lines: ["-x = 1", ...text.split("\n").map((line) => `+${line}`)] }],
      },
    ),
    run: of("Bash", { command: `cat > settings.txt <<'EOF'\n${text}EOF`, description: "Write settings" }, done),
    answered: of("Bash", { command: "cat settings.txt" }, { ...done, stdout: `$ cat\n${text}` }),
    listed: of(
      "Read",
      { file_path: file },
      {
        type: "text",
        file: {
          filePath: file,
          content: text
            .split("\n")
            .map((line, index) => `${String(index + 1).padStart(6)}→${line}`)
            .join("\n"),
        },
      },
    ),
    nested: of("mcp__files__read", { options: { deep: [{ texts: [[text]] }] } }, [{ type: "text", text }]),
    escaped: of(
      "Bash",
      { command: "cat log.ndjson" },
      { ...done, stdout: `${JSON.stringify({ level: "info", out: text })}\n` },
    ),
  };
}

/** Eight characters of the secret that stand in a text; null: none do. Escapes of the text do not hide them. */
export function traceOf(secret: string, text: string): string | null {
  const plain = text.replace(/\\+[nrt]|\\/g, "\n");
  for (const part of secret.split(/[^A-Za-z0-9_]+/)) {
    for (let at = 0; at + 8 <= part.length; at++) {
      const piece = part.slice(at, at + 8);
      if (text.includes(piece) || plain.includes(piece)) return piece;
    }
  }
  return null;
}

// What leaves this machine carries no secret that has a known form, name or value: by itself, and through a real daemon's webhooks.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { knownSecrets } from "../src/redact/known.ts";
import { outgoing, type Payload } from "../src/redact/outgoing.ts";
import { makeRedact } from "../src/redact/redact.ts";
import { storedEvent } from "./fixtures/delivery.ts";
import { payloadsWith, plantedSecrets, traceOf } from "./planted-secrets.ts";
import { openRunning, type Running } from "./running.ts";

const PLANTED = plantedSecrets();
const redact = makeRedact({ patterns: [], secretValues: {} });
const sent = (data: string, payload: Payload = "full") => outgoing(storedEvent({ data }), payload, redact).data;

describe("planted secrets", () => {
  test("are of more than 40 kinds", () => expect(new Set(PLANTED.map(({ kind }) => kind)).size).toBeGreaterThan(40));

  test.each(PLANTED.map((one) => [one.kind, one] as const))(
    "%s stays here, wherever it stands",
    (_, { secret, text }) => {
      for (const [place, payload] of Object.entries(payloadsWith(text, "/home/ann/shop"))) {
        const before = JSON.stringify(payload);
        expect([place, traceOf(secret, before)]).not.toEqual([place, null]);
        const after = sent(before);
        expect([place, traceOf(secret, after)]).toEqual([place, null]);
        // What it is about is still there.
        expect(JSON.parse(after)).toMatchObject({ session_id: payload.session_id, tool_name: payload.tool_name });
        expect([place, traceOf(secret, sent(before, "lean"))]).toEqual([place, null]);
      }
      expect(traceOf(secret, redact(text))).toBeNull();
    },
  );

  test("in what is no JSON stay here too", () => {
    for (const { kind, secret, text } of PLANTED) {
      const plain = outgoing(storedEvent({ contentType: "text/plain", data: `{"cut": "${text}` }), "full", redact);
      expect([kind, traceOf(secret, plain.data)]).toEqual([kind, null]);
      const bytes = Buffer.concat([Buffer.from([0xff, 0xfe, 10]), Buffer.from(text)]).toString("base64");
      const binary = outgoing(storedEvent({ contentType: "application/octet-stream", data: bytes }), "full", redact);
      expect([kind, traceOf(secret, Buffer.from(binary.data, "base64").toString("latin1"))]).toEqual([kind, null]);
    }
    const wide = Buffer.from("token", "utf16le").toString("base64");
    expect(
      outgoing(storedEvent({ contentType: "application/octet-stream", data: wide }), "full", redact),
    ).toMatchObject({
      contentType: "text/plain",
      data: "[redacted:binary]",
    });
  });
});

describe("a real daemon", () => {
  let on: Running;
  const servers: { stop(now: boolean): unknown }[] = [];
  beforeEach(() => {
    on = openRunning();
  });
  afterEach(async () => {
    await on.end();
    for (const server of servers.splice(0)) server.stop(true);
  });

  test("does not start with a pattern that cannot be used, and says why", async () => {
    writeFileSync(join(on.home, "config.toml"), 'name = "n1"\nredact = ["(?=x)y"]\n', { mode: 0o600 });
    const { exitCode, stderr } = await on.offhook(["consume"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 78, stderr: expect.stringContaining('"(?=x)y" cannot be used') });
  });

  test("sends none of them by webhook, and what the file names on purpose", async () => {
    const got: { path: string; authorization: string | null; body: string }[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        const path = new URL(request.url).pathname;
        got.push({ path, authorization: request.headers.get("authorization"), body: await request.text() });
        return new Response();
      },
    });
    servers.push(server);
    const url = `http://127.0.0.1:${server.port}`;
    const inFile = "plantedInAFile77";
    const inEnvironment = "planted/around/DeployToken88";
    writeFileSync(join(on.home, "secrets.env"), `HOOK_VALUE=${inFile}\n`, { mode: 0o600 });
    writeFileSync(join(on.home, "config.toml"), 'name = "n1"\nredact = ["CUST-[0-9]{8}"]\n', { mode: 0o600 });
    const webhook = (keys: string) => `on = ["**"]\nconcurrency = 4\nwebhook = { url = "${url}/`.concat(keys, " }\n");
    on.consumer("events", webhook('events", headers = { Authorization = "Bearer ${HOOK_VALUE}" }'));
    on.consumer("slack", webhook('slack", preset = "slack"'));
    on.consumer("ntfy", webhook('ntfy", preset = "ntfy"'));
    on.consumer(
      "filled",
      webhook('filled/${HOOK_VALUE}", body = { text = "{file} of {project}", key = "${HOOK_VALUE}" }'),
    );
    on.consumer("log", `on = ["**"]\nbuiltin = "log"\n`);
    await on.start([], { DEPLOY_TOKEN: inEnvironment });

    const known = [
      { kind: "of secrets.env", secret: inFile, text: `it is ${inFile}.\n` },
      { kind: "of the environment", secret: inEnvironment, text: `it is ${encodeURIComponent(inEnvironment)}.\n` },
      { kind: "of a pattern", secret: "CUST-20261121", text: "it is CUST-20261121.\n" },
    ];
    const all = [...PLANTED, ...known];
    for (const [index, { text }] of all.entries()) {
      const payloads = Object.values(payloadsWith(text, on.root));
      await on.publish(payloads[index % payloads.length]);
      // Notification's text is what alerts show.
      if (index % 7 === 0)
        await on.publish({ hook_event_name: "Notification", session_id: "s", cwd: on.root, message: text });
    }
    const token = PLANTED[0]?.secret ?? "";
    await on.publish({ ...payloadsWith("x", on.root).written, tool_input: { file_path: `${on.root}/${token}.py` } });
    await on.settled();

    const own = got.filter(({ path }) => path.startsWith("/filled/"));
    expect(got.length).toBeGreaterThan(4 * all.length);
    expect(got.filter(({ path }) => path === "/events").every((one) => one.authorization === `Bearer ${inFile}`)).toBe(
      true,
    );
    expect(own.every((one) => one.path === `/filled/${inFile}` && JSON.parse(one.body).key === inFile)).toBe(true);
    const bodies = got.map(({ path, body }) => (path.startsWith("/filled/") ? JSON.parse(body).text : body)).join("\n");
    for (const { kind, secret } of all) expect([kind, traceOf(secret, bodies)]).toEqual([kind, null]);
    expect(bodies).toContain("[redacted:HOOK_VALUE]");
    expect(bodies).toContain("[redacted:DEPLOY_TOKEN]");
    expect(bodies).toContain("[redacted:pattern-1]");
    // What stays here is as it came: the trace is found where there is one.
    const logged = readFileSync(join(on.home, "logs", "log.ndjson"), "utf8");
    for (const { kind, secret } of all) expect([kind, traceOf(secret, logged)]).not.toEqual([kind, null]);
  }, 90_000);
});

test("secrets that are known go in each form in which texts write them", () => {
  const value = 'p@ss"w/ört 7';
  const secretValues = knownSecrets(
    { SMTP: value, SHORT: "prod" },
    { CI_TOKEN: "environment-99", KUBE_TOKEN: "/var/run/token", HOME: "/home/ann" },
  );
  expect(secretValues).toEqual({ SMTP: value, SHORT: "prod", CI_TOKEN: "environment-99" });
  const known = makeRedact({ patterns: [], secretValues });
  const forms = [
    value,
    encodeURIComponent(value),
    JSON.stringify(value),
    Buffer.from(value).toString("base64"),
    "environment-99",
  ];
  for (const form of forms) expect(known(`a ${form} b`)).toMatch(/^a "?\[redacted:(SMTP|CI_TOKEN)\]=*"? b$/);
  expect(known("prod, production")).toBe("[redacted:SHORT], production");
  expect(JSON.parse(known(JSON.stringify({ [value]: [value] })))).toEqual({ "[redacted:SMTP]": ["[redacted:SMTP]"] });
});

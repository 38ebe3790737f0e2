// What `offhook events --json` says of the stream, beside what was sent: every id is there, once, with the data that came.
import { closeSync, openSync, readFileSync } from "node:fs";

export type StreamSeen = {
  /** Ids in the order of the stream. */
  ids: string[];
  findings: string[];
};

/** Writes the stream of a home into `file` and compares it; `bodyOf` gives the bytes of an id, null for one that nobody sent. */
export async function readStream(
  binary: string,
  home: string,
  file: string,
  bodyOf: (id: string) => Uint8Array | null,
): Promise<StreamSeen> {
  const out = openSync(file, "w");
  const child = Bun.spawn([binary, "events", "--json"], {
    env: { PATH: "/usr/bin:/bin", HOME: home, OFFHOOK_HOME: home, LANG: "C.UTF-8" },
    cwd: "/",
    stdin: "ignore",
    stdout: out,
    stderr: "pipe",
  });
  const [stderr, exitCode] = await Promise.all([child.stderr.text(), child.exited]);
  closeSync(out);
  if (exitCode !== 0) throw new Error(`events --json ended with ${exitCode}: ${stderr}`);
  const bytes = readFileSync(file);
  const seen: StreamSeen = { ids: [], findings: [] };
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    compare(bytes.toString("utf8", at, end < 0 ? bytes.length : end), bodyOf, seen);
    at = end < 0 ? bytes.length : end + 1;
  }
  return seen;
}

function compare(line: string, bodyOf: (id: string) => Uint8Array | null, seen: StreamSeen): void {
  // Attributes come first, and no quote stands bare inside a string of JSON: the first of these is the key.
  const at = line.search(/,"data(_base64)?":/);
  let head: Record<string, unknown>;
  try {
    head = JSON.parse(`${line.slice(0, at)}}`);
  } catch {
    seen.findings.push(`no event: ${line.slice(0, 200)}`);
    return;
  }
  const id = String(head.id);
  const body = bodyOf(id);
  if (body === null) seen.findings.push(`${id} is in the stream, and nobody sent it`);
  else if (seen.ids.includes(id)) seen.findings.push(`${id} is in the stream twice`);
  else for (const wrong of differences(head, line.slice(at), body)) seen.findings.push(`${id}: ${wrong}`);
  seen.ids.push(id);
}

function differences(head: Record<string, unknown>, tail: string, body: Uint8Array): string[] {
  const wrong: string[] = [];
  const { kind, text, isObject } = contentOf(body);
  if (head.datacontenttype !== kind) wrong.push(`it is called ${head.datacontenttype}, and is ${kind}`);
  if ((head.type === "offhook.unreadable") === isObject)
    wrong.push(`an ${isObject ? "" : "un"}readable one is a ${head.type}`);
  // docs/json.md: JSON as it came (line ends are white space there), other text as a string, what is no text in base64.
  const expected = {
    "application/json": `,"data":${text.replace(/[\r\n]/g, " ").trim()}}`,
    "text/plain": `,"data":${JSON.stringify(text)}}`,
    "application/octet-stream": `,"data_base64":"${text}"}`,
  }[kind];
  if (tail !== expected) wrong.push(`data differs: ${tail.slice(0, 120)} where ${expected.slice(0, 120)} came`);
  return wrong;
}

type Content = {
  kind: "application/json" | "text/plain" | "application/octet-stream";
  text: string;
  isObject: boolean;
};

function contentOf(body: Uint8Array): Content {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return { kind: "application/octet-stream", text: Buffer.from(body).toString("base64"), isObject: false };
  }
  try {
    const value = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return { kind: "application/json", text, isObject };
  } catch {
    return { kind: "text/plain", text, isObject: false };
  }
}

// A real Chromium without a window for tests, driven through the Chrome DevTools Protocol on loopback: a small client of our own,
// because a page to load, a script to run in it and a picture of it are all that is needed. Who starts one ends it.
import { test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRunApart } from "./run-apart.ts";
import { until } from "./running.ts";

const isApart = isRunApart("chromium");
/** OFFHOOK_CHROMIUM names another program than Debian's. Null: its tests are skipped. */
const PROGRAM = isApart ? null : process.env.OFFHOOK_CHROMIUM || Bun.which("chromium") || Bun.which("google-chrome");
const WHY = isApart ? "left to a run of its own" : "chromium is not installed";
const PATIENCE_MS = 20_000;
const LEAVE_MS = 5000;

/** A test that needs the browser; skipped with the reason where it is not installed. */
export function testInChromium(name: string, body: () => Promise<void>): void {
  if (PROGRAM === null) test.skip(`${name} (reason: ${WHY})`, body);
  else test(name, body);
}

/** What a page looks like: "dark" and "print" as the page's own media queries see it. Sizes in CSS px. */
export type Screen = { width: number; height: number; scheme: "light" | "dark"; media?: "screen" | "print" };

export type Page = {
  /** Shows the page on a screen of this size and scheme, and waits until it is laid out. */
  show(screen: Screen): Promise<void>;
  /** The value of an expression in the page, as JSON. Errors: what the page threw. */
  evaluate(expression: string): Promise<any>;
  /** A picture of the whole page as PNG, or of a part of it in CSS px. */
  picture(part?: { top: number; width: number; height: number }): Promise<Uint8Array>;
  /** Everything the page asked for, its own address left out; every line of its console and of the browser's log about it. */
  readonly requests: string[];
  readonly said: string[];
  close(): Promise<void>;
};

export type Browser = {
  readonly pid: number;
  /** Opens an address and waits until it has loaded. */
  open(url: string): Promise<Page>;
  end(): Promise<void>;
};

/** So that none outlives a program that starts one; `bun test` does not tell its files when it ends. */
const started = new Set<Browser & { endNow(): void }>();
process.on("exit", () => {
  for (const browser of started) browser.endNow();
});

/** Without a network of its own, an account, or what it would fetch in the background. As root there is no sandbox to be had. */
const FLAGS = ["--headless", "--remote-debugging-port=0", "--disable-gpu", "--disable-quic", "--no-first-run"].concat([
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-extensions",
  "--disable-dev-shm-usage",
  "--no-proxy-server",
  "--hide-scrollbars",
  "--force-color-profile=srgb",
]);

/** Starts a browser with a directory of its own and waits until it can be asked. */
export async function startChromium(): Promise<Browser> {
  if (PROGRAM === null) throw new Error("chromium is not installed");
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "offhook-chromium-")));
  const command = [PROGRAM, ...FLAGS, `--user-data-dir=${join(dir, "data")}`];
  if (process.getuid?.() === 0) command.push("--no-sandbox");
  // Ends with us even when we are killed, where the system can do that.
  const tied = Bun.which("setpriv");
  if (tied !== null) command.unshift(tied, "--pdeathsig", "KILL");
  const child = Bun.spawn([...command, "about:blank"], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(join(dir, "said")),
    env: { PATH: process.env.PATH!, HOME: dir, TMPDIR: dir, LANG: "C.UTF-8" },
    detached: true, // A process group: its helpers end with it.
  });
  const portFile = join(dir, "data", "DevToolsActivePort");
  const said = () => readFileSync(join(dir, "said"), "utf8").slice(-2000);
  const remove = () => rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });

  function killNow(): void {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  async function kill(): Promise<void> {
    killNow();
    await child.exited;
    remove();
  }

  try {
    await until(
      () => child.exitCode !== null || (existsSync(portFile) && readFileSync(portFile, "utf8").includes("\n/")),
      () => `chromium does not start: ${said()}`,
    );
    if (child.exitCode !== null) throw new Error(`chromium ended with ${child.exitCode}: ${said()}`);
    const [port, path] = readFileSync(portFile, "utf8").trim().split("\n");
    const connection = await connectTo(`ws://127.0.0.1:${port}${path}`);
    const browser = {
      pid: child.pid,
      open: (url: string) => openPage(connection, url),
      async end() {
        started.delete(browser);
        // It ends its own helpers where it is asked to; killed with them they would be left for init to bury.
        await connection.send("Browser.close").catch(() => {});
        await Promise.race([child.exited, Bun.sleep(LEAVE_MS)]);
        connection.close();
        await kill();
      },
      endNow() {
        killNow();
        remove();
      },
    };
    started.add(browser);
    return browser;
  } catch (error) {
    await kill();
    throw error;
  }
}

type Answer = { method: string; resolve(result: any): void; reject(error: Error): void };
type Connection = {
  send(method: string, params?: object, sessionId?: string): Promise<any>;
  onEvent(listener: (method: string, params: any, sessionId: string | undefined) => void): void;
  close(): void;
};

/** One WebSocket for all pages: an answer has its question's number, an event its page's session. */
async function connectTo(address: string): Promise<Connection> {
  const socket = new WebSocket(address);
  const waiting = new Map<number, Answer>();
  const listeners: ((method: string, params: any, sessionId: string | undefined) => void)[] = [];
  let last = 0;
  const opened = Promise.withResolvers<void>();
  socket.onopen = () => opened.resolve();
  socket.onclose = () => {
    opened.reject(new Error("chromium closed the connection"));
    for (const { method, reject } of waiting.values())
      reject(new Error(`chromium has ended, without an answer to ${method}`));
    waiting.clear();
  };
  socket.onmessage = ({ data }) => {
    const { id, result, error, method, params, sessionId } = JSON.parse(String(data));
    if (id === undefined) for (const listener of listeners) listener(method, params, sessionId);
    else if (error === undefined) waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(new Error(`${error.message} ${error.data ?? ""}`));
    waiting.delete(id);
  };
  await opened.promise;
  return {
    send(method, params = {}, sessionId) {
      const id = ++last;
      const { promise, resolve, reject } = Promise.withResolvers<any>();
      const timer = setTimeout(() => reject(new Error(`no answer to ${method}`)), PATIENCE_MS);
      waiting.set(id, { method, resolve, reject });
      socket.send(JSON.stringify(sessionId === undefined ? { id, method, params } : { id, method, params, sessionId }));
      return promise.finally(() => clearTimeout(timer));
    },
    onEvent: (listener) => listeners.push(listener),
    close: () => socket.close(),
  };
}

async function openPage(connection: Connection, url: string): Promise<Page> {
  const { targetId } = await connection.send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await connection.send("Target.attachToTarget", { targetId, flatten: true });
  const ask = (method: string, params: object = {}) => connection.send(method, params, sessionId);
  const requests: string[] = [];
  const said: string[] = [];
  let isLoaded = false;
  connection.onEvent((method, params, session) => {
    if (session !== sessionId) return;
    if (method === "Network.requestWillBeSent" && params.request.url !== url) requests.push(params.request.url);
    if (method === "Log.entryAdded") said.push(`${params.entry.level}: ${params.entry.text}`);
    if (method === "Runtime.consoleAPICalled") said.push(`console.${params.type}`);
    if (method === "Runtime.exceptionThrown") said.push(`exception: ${params.exceptionDetails.text}`);
    if (method === "Audits.issueAdded") said.push(`issue: ${params.issue.code}`);
    if (method === "Page.javascriptDialogOpening") said.push(`dialog: ${params.message}`);
    if (method === "Page.loadEventFired") isLoaded = true;
  });
  for (const domain of ["Page", "Network", "Log", "Runtime", "Audits"]) await ask(`${domain}.enable`);
  const { errorText } = await ask("Page.navigate", { url });
  if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
  await until(
    () => isLoaded,
    () => `${url} does not load`,
  );

  const page: Page = {
    async show({ width, height, scheme, media = "screen" }) {
      const features = [{ name: "prefers-color-scheme", value: scheme }];
      await ask("Emulation.setEmulatedMedia", { media, features });
      await ask("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
      await page.evaluate("new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(() => seen(1))))");
    },
    async evaluate(expression) {
      const answer = await ask("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
      const { result, exceptionDetails } = answer;
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
    async picture(part) {
      const clip = part && { clip: { x: 0, y: part.top, width: part.width, height: part.height, scale: 1 } };
      const { data } = await ask("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, ...clip });
      return new Uint8Array(Buffer.from(data, "base64"));
    },
    requests,
    said,
    async close() {
      await connection.send("Target.closeTarget", { targetId });
    },
  };
  return page;
}

// What tests of install.sh stand on: a release of small programs on a loopback server that can also serve badly, a machine that
// is pretended (a PATH of real tools without some, and of fakes), and running the script as a person would.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bakedInstaller, type Sum, sumsText } from "../../scripts/release-files.ts";

export const SOURCE = readFileSync(join(import.meta.dir, "../../scripts/install.sh"), "utf8");

export const TARGETS = ["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl", "darwin-arm64", "darwin-x64"];

/** What install.sh may use; a machine has these and nothing else. */
const TOOLS =
  "sh env sed uname id mkdir rm mv cat dd chmod cut head tail tr od awk df gzip sha256sum curl getconf grep dirname date sleep".split(
    " ",
  );

const NO_MUSL = "#!/bin/sh\necho 'ldd (Debian GLIBC 2.36) 2.36'\n";

export type Stage = ReturnType<typeof openStage>;

export type Served = "well" | "damaged" | "missing";

export type Installed = { exitCode: number | null; output: string; stderr: string };

export type Run = {
  /** The script's text; absent: that of the stage's release. */
  script?: string;
  args?: string[];
  env?: Record<string, string>;
  /** Tools of this machine that are missing. */
  without?: string[];
  /** Fake tools: name -> shell text. */
  fakes?: Record<string, string>;
  /** How the shell gets the script: a pipe is what `curl | sh` is. */
  by?: "file" | "pipe";
  /** A command that runs the shell: ["unshare", ...]. */
  around?: string[];
};

/** A program that answers as offhook does, and notes each call with what of BUN_* it saw, in the file beside it. */
export function program(version: string, more = ""): string {
  return `#!/bin/sh
echo "$* bun=\${BUN_BE_BUN-}\${BUN_OPTIONS-}\${BUN_NEW_ONE-}" >>"\${CALLS:-/dev/null}"
${more}
case "$1" in
  --version) echo ${version} ;;
  service) exit 66 ;;
  *) exit 1 ;;
esac
`;
}

/** A release of `version` with one program for every target. */
export function openStage(version = "1.2.3") {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "offhook-install-")));
  const files = new Map<string, Uint8Array>();
  const sums: Sum[] = [];
  let served: Served = "well";
  const asked: string[] = [];
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  const url = `http://127.0.0.1:${server.port}`;
  let count = 0;

  function answer(request: Request): Response {
    const path = new URL(request.url).pathname;
    asked.push(path);
    const bytes = files.get(path);
    if (bytes === undefined || served === "missing") return new Response("no such file", { status: 404 });
    if (!path.endsWith(".gz") || served === "well") return new Response(bytes.slice().buffer);
    if (served === "damaged") return new Response(bytes.map((byte, index) => (index === 40 ? byte ^ 1 : byte)));
    throw new Error(`${path} is served ${served}`);
  }

  /** What the release would be where the line is cut after half of a file: fewer bytes come than were announced. */
  const cutting = Bun.listen({
    port: 0,
    hostname: "127.0.0.1",
    socket: {
      data(socket, request) {
        const bytes = files.get(/^GET (\S+)/.exec(request.toString())?.[1] ?? "") ?? new Uint8Array();
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`);
        socket.write(bytes.slice(0, bytes.length / 2));
        socket.end();
      },
    },
  });

  const stage = {
    root,
    url,
    cutUrl: `http://127.0.0.1:${cutting.port}`,
    version,
    asked,
    serve(how: Served) {
      served = how;
    },
    /** Puts programs for every target in the release, replacing those there. */
    release(text: (target: string) => string, of = version) {
      const made: Sum[] = [];
      for (const target of TARGETS) {
        const plain = Buffer.from(text(target));
        const packed = Bun.gzipSync(plain);
        files.set(`/v${of}/offhook-${target}.gz`, packed);
        made.push({ sha256: sumOf(packed), name: `offhook-${target}.gz` });
        if (of === version) sums.push({ sha256: sumOf(plain), name: `offhook-${target}` });
      }
      if (of === version) sums.push(...made);
      files.set(`/v${of}/SHA256SUMS`, Buffer.from(sumsText(made)));
    },
    /** install.sh as the release publishes it. */
    installer: () => bakedInstaller(SOURCE, { version, sums, baseUrl: url }),
    /** A new empty directory. */
    directory(name: string) {
      const path = join(root, `${name}-${++count}`);
      mkdirSync(path);
      return path;
    },
    file(name: string, content: string | Uint8Array, mode = 0o644) {
      const path = join(stage.directory("file"), name);
      writeFileSync(path, content);
      chmodSync(path, mode);
      return path;
    },
    run: (shell: string, dir: string, run: Run = {}) => runIn(stage, shell, dir, run),
    close() {
      void server.stop(true);
      cutting.stop(true);
      rmSync(root, { recursive: true, force: true });
    },
  };
  return stage;
}

async function runIn(stage: Stage, shell: string, dir: string, run: Run): Promise<Installed> {
  const { script = stage.installer(), args = [], env = {}, by = "pipe", around = [] } = run;
  const path = pretendedPath(stage, run);
  const scriptFile = stage.file("install.sh", script);
  const home = stage.directory("home");
  const command = [...around, Bun.which(shell) ?? shell, ...(by === "file" ? [scriptFile] : ["-s", "--"]), ...args];
  const child = Bun.spawn(command, {
    cwd: home,
    env: { PATH: path, HOME: home, SHELL: "/bin/sh", ...(dir === "" ? {} : { OFFHOOK_INSTALL_DIR: dir }), ...env },
    stdin: by === "pipe" ? Bun.file(scriptFile) : "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 25_000,
  });
  const [output, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { exitCode: child.exitCode, output, stderr };
}

/** A directory with links to the tools that there are, and with the fakes, which go first. */
function pretendedPath(stage: Stage, { without = [], fakes = {} }: Run): string {
  const tools = stage.directory("tools");
  const all: Record<string, string> = { ldd: NO_MUSL, ...fakes };
  for (const name of TOOLS) {
    const real = Bun.which(name);
    if (real !== null && !without.includes(name) && !(name in all)) symlinkSync(real, join(tools, name));
  }
  for (const [name, text] of Object.entries(all)) {
    if (!without.includes(name)) writeFileSync(join(tools, name), text, { mode: 0o755 });
  }
  return tools;
}

/** A fake uname: "Darwin", "x86_64". */
export function machine(system: string, processor: string): Record<string, string> {
  return { uname: `#!/bin/sh\ncase "$1" in -s) echo ${system} ;; -m) echo ${processor} ;; esac\n` };
}

export function sumOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

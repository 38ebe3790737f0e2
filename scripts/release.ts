// scripts/release: for each target fetch its Bun, compile, look, compress; some or all once more in another folder, to see that
// the same bytes come out; then the sums and install.sh. The folder takes its place as a whole, at the end.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { offhookTrials, troublesOf } from "./check-binary.ts";
import { compile, versionOfPackage } from "./compile.ts";
import { lookAt } from "./release-check.ts";
import { type Sums, sumsElsewhere } from "./release-elsewhere.ts";
import { bakedInstaller, type Sum, sumsText } from "./release-files.ts";
import { bringRuntime } from "./release-runtime.ts";
import { BUN, RELEASE_TARGETS, type ReleaseTarget, targetsNamed } from "./release-targets.ts";
import { targetOfThisMachine } from "./seal-runtime.ts";

const ROOT = resolve(import.meta.dir, "..");
const COMPRESSION = { level: 9, library: "libdeflate" } as const;
const BASE_URL = /^https?:\/\/[A-Za-z0-9._~:/%@[\]-]+$/;

type Made = {
  name: string;
  /** The compressed file's name in the release. */
  file: string;
  bytes: number;
  sha256: string;
  binaryBytes: number;
  binarySha256: string;
  seconds: number;
  remarks: string[];
  /** True: run here in hostile surroundings. False: looked at only. */
  wasRun: boolean;
  /** Whether a build in another folder gave the same bytes; null where none was made. */
  isReproduced: boolean | null;
};

function make(target: ReleaseTarget, directory: string, runtimes: string, tell: (words: string) => void): Made {
  const startedAt = performance.now();
  const version = versionOfPackage();
  const runtime = bringRuntime(target, runtimes, tell);
  const binary = join(directory, `offhook-${target.name}`);
  compile({ entry: join(ROOT, "src/main.ts"), outFile: binary, runtime: { ...target, path: runtime } });
  const bytes = readFileSync(binary);
  const { troubles, remarks } = lookAt(bytes, target);
  const wasRun = target.target === targetOfThisMachine() && !target.isMusl;
  if (wasRun) troubles.push(...troublesOf(binary, offhookTrials(version)));
  if (troubles.length > 0) throw new Error(`${target.name} is not as it should be:\n${troubles.join("\n")}`);
  const packed = Bun.gzipSync(bytes, COMPRESSION);
  const file = `offhook-${target.name}.gz`;
  writeFileSync(join(directory, file), packed);
  rmSync(binary);
  return {
    name: target.name,
    file,
    bytes: packed.length,
    sha256: sumOf(packed),
    binaryBytes: bytes.length,
    binarySha256: sumOf(bytes),
    seconds: secondsSince(startedAt),
    remarks: [...remarks, wasRun ? "run here in hostile surroundings" : "not run here"],
    wasRun,
    isReproduced: null,
  };
}

/** Builds the named ones again elsewhere, and throws unless their bytes are the same. */
function reproduce(made: Made[], verify: ReleaseTarget[], runtimes: string, say: (words: string) => void): void {
  if (verify.length === 0) return;
  say(`building ${verify.map(({ name }) => name).join(", ")} again in another folder`);
  const elsewhere: Sums = sumsElsewhere(ROOT, verify, runtimes, say);
  for (const one of made.filter(({ name }) => name in elsewhere)) {
    const { sha256, binarySha256 } = elsewhere[one.name] ?? { sha256: "", binarySha256: "" };
    one.isReproduced = sha256 === one.sha256 && binarySha256 === one.binarySha256;
    say(
      `  ${one.name}: ${one.isReproduced ? "the same bytes" : `OTHER BYTES, ${binarySha256} and ${one.binarySha256}`}`,
    );
  }
  const other = verify.filter(({ name }) => !made.some((one) => one.name === name && one.isReproduced));
  if (other.length > 0) throw new Error(`not the same when built again: ${other.map(({ name }) => name).join(", ")}`);
}

/** Writes what is beside the binaries. install.sh also knows the sums of the unpacked binaries: it leaves alone what is there. */
function writeTexts(directory: string, made: Made[], baseUrl: string): void {
  const packed: Sum[] = made.map(({ sha256, file }) => ({ sha256, name: file }));
  const unpacked: Sum[] = made.map(({ binarySha256, name }) => ({ sha256: binarySha256, name: `offhook-${name}` }));
  const source = readFileSync(join(ROOT, "scripts/install.sh"), "utf8");
  const installer = bakedInstaller(source, { version: versionOfPackage(), sums: [...packed, ...unpacked], baseUrl });
  writeFileSync(join(directory, "install.sh"), installer, { mode: 0o755 });
  const macCheck = readFileSync(join(ROOT, "scripts/mac-check"));
  writeFileSync(join(directory, "mac-check"), macCheck, { mode: 0o755 });
  const scripts: Sum[] = [
    { sha256: sumOf(Buffer.from(installer)), name: "install.sh" },
    { sha256: sumOf(macCheck), name: "mac-check" },
  ];
  writeFileSync(join(directory, "SHA256SUMS"), sumsText([...packed, ...scripts]));
}

function sumOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

function secondsSince(startedAt: number): number {
  return Number(((performance.now() - startedAt) / 1000).toFixed(1));
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Two are enough to see that nothing of a folder gets in: one that is as it was linked, one that is signed afterwards. */
function defaultVerified(targets: ReleaseTarget[]): ReleaseTarget[] {
  const linux = targets.find(({ target }) => target.startsWith("linux-"));
  const mac = targets.findLast(({ target }) => target.startsWith("darwin-"));
  return [linux, mac].filter((one) => one !== undefined);
}

function release(argv: string[]): void {
  const { values } = parseArgs({
    args: argv,
    options: {
      targets: { type: "string" },
      verify: { type: "string" },
      "verify-all": { type: "boolean", default: false },
      "no-verify": { type: "boolean", default: false },
      "base-url": { type: "string", default: "" },
      out: { type: "string", default: join(ROOT, "dist/release") },
      runtimes: { type: "string", default: join(ROOT, "node_modules/.toolchain/runtimes") },
      json: { type: "boolean", default: false },
    },
  });
  const startedAt = performance.now();
  const say = values.json ? console.error : console.log;
  const targets = values.targets === undefined ? RELEASE_TARGETS : targetsNamed(values.targets);
  const chosen = values.verify === undefined ? defaultVerified(targets) : targetsNamed(values.verify);
  const verify = values["verify-all"] ? targets : values["no-verify"] ? [] : chosen;
  const baseUrl = values["base-url"].replace(/\/+$/, "");
  if (baseUrl !== "" && !BASE_URL.test(baseUrl)) throw new Error(`--base-url is no address: ${baseUrl}`);
  if (Bun.version !== BUN) throw new Error(`scripts/release-targets.ts is for Bun ${BUN}, and this is ${Bun.version}`);

  const out = resolve(values.out);
  if (existsSync(out) && !existsSync(join(out, "SHA256SUMS"))) {
    throw new Error(`${out} is there and is no release: name a folder that may be replaced`);
  }
  mkdirSync(dirname(out), { recursive: true });
  // The name is one that the next scripts/build sweeps up, when this is killed.
  const part = mkdtempSync(join(dirname(out), ".build-release-"));
  try {
    const made = targets.map((target, index) => {
      const which = `${index + 1} of ${targets.length}  ${target.name}`;
      const one = make(target, part, resolve(values.runtimes), (words) => say(`${which}: ${words}`));
      const sizes = `${megabytes(one.binaryBytes)}, packed ${megabytes(one.bytes)}`;
      say(`${which}: ${sizes}, ${one.seconds} s; ${one.remarks.join("; ")}`);
      return one;
    });
    reproduce(made, verify, resolve(values.runtimes), say);
    writeTexts(part, made, baseUrl);
    rmSync(out, { recursive: true, force: true });
    chmodSync(part, 0o755);
    renameSync(part, out);
    const seconds = secondsSince(startedAt);
    say(
      `${out}: ${made.length} binaries, SHA256SUMS, install.sh, mac-check, in ${seconds} s` +
        `${baseUrl === "" ? "; install.sh has no address to download from (--base-url)" : ""}`,
    );
    if (values.json)
      console.log(JSON.stringify({ version: versionOfPackage(), bun: BUN, baseUrl, seconds, targets: made }));
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

try {
  release(process.argv.slice(2));
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exitCode = (error as { code?: string } | null)?.code?.startsWith("ERR_PARSE_ARGS") ? 64 : 1;
}

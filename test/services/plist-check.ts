// Our property lists through two readers that are not ours: xmllint with the rules of plist.dtd, and Python's plistlib, whose
// reading is compared with what was meant. Each reader is first shown that it refuses a bad one.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { plan, type ServiceOptions } from "../../src/service/service.ts";

export type PlistCheck = { sentence: string; problems: string[]; skipped: string | null };

/** Values that hold what XML has a meaning for, beside plain ones. */
export const PLIST_OPTIONS: Record<string, ServiceOptions> = {
  plain: {
    binary: "/Users/ada/.local/bin/offhook",
    home: "/Users/ada/.offhook",
    path: "/opt/homebrew/bin:/usr/bin:/bin",
    user: { name: "ada", uid: 501, home: "/Users/ada" },
    lang: "en_GB.UTF-8",
  },
  strange: {
    binary: '/Users/<ada> & "bob"\'s/]]>/%h &amp; $HOME/offhook',
    home: "/Volumes/Größe & <more>/home",
    path: "/a b/<c>:/d&e:/%f:/$g:/h\\i",
    user: { name: "ada", uid: 501, home: '/Users/<ada> & "bob"\'s' },
  },
};

const BAD: Record<string, string> = {
  "a value without a key": '<plist version="1.0"><dict><string>x</string></dict></plist>',
  "an ampersand": '<plist version="1.0"><dict><key>a</key><string>b & c</string></dict></plist>',
};

/** Every plist and every reader, as sentences with what speaks against them. Writes files into `directory`. */
export function checkPlists(directory: string): PlistCheck[] {
  const checks: PlistCheck[] = [];
  for (const [name, read] of Object.entries(READERS)) {
    const missing = Bun.which(name) === null ? `${name} is not here` : null;
    const add = (sentence: string, problems: () => string[]) =>
      checks.push({ sentence: `${name}: ${sentence}`, problems: missing === null ? problems() : [], skipped: missing });
    for (const [what, text] of Object.entries(BAD)) {
      add(`refuses ${what}`, () => (read(text, directory).problem === null ? ["it was taken"] : []));
    }
    for (const manager of ["launchd-agent", "launchd-daemon"] as const) {
      for (const [kind, options] of Object.entries(PLIST_OPTIONS)) {
        add(`the ${manager} with ${kind} values`, () => {
          const { problem, value } = read(plan(manager, options).files[0]?.text ?? "", directory);
          if (problem !== null) return [problem];
          return value === null ? [] : differences(value, manager, options);
        });
      }
    }
  }
  return checks;
}

type Reading = { problem: string | null; value: Record<string, unknown> | null };

const READERS: Record<string, (text: string, directory: string) => Reading> = {
  xmllint(text, directory) {
    const file = join(directory, "offhook.plist");
    // Without its DOCTYPE, which names an address that must not be asked.
    writeFileSync(file, text.replace(/<!DOCTYPE[^>]*>\n/, ""));
    const ran = Bun.spawnSync([
      "xmllint",
      "--nonet",
      "--noout",
      "--dtdvalid",
      join(import.meta.dir, "plist.dtd"),
      file,
    ]);
    return { problem: ran.exitCode === 0 ? null : ran.stderr.toString(), value: null };
  },
  python3(text) {
    const program = "import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))";
    const ran = Bun.spawnSync(["python3", "-c", program], {
      stdin: Buffer.from(text),
      env: { PATH: process.env.PATH ?? "", HOME: "/" },
    });
    if (ran.exitCode !== 0) return { problem: ran.stderr.toString().trimEnd().split("\n").at(-1) ?? "", value: null };
    const value = JSON.parse(ran.stdout.toString());
    // plistlib takes a dict whose pairs are wrong in some forms: then it is not this.
    return { problem: typeof value === "object" ? null : "no dict", value };
  },
};

function differences(is: Record<string, unknown>, manager: string, options: ServiceOptions): string[] {
  const environment = is.EnvironmentVariables as Record<string, string>;
  const pairs: [string, unknown, unknown][] = [
    ["Label", is.Label, "offhook"],
    ["ProgramArguments", is.ProgramArguments, [options.binary, "consume"]],
    ["PATH", environment.PATH, options.path],
    ["HOME", environment.HOME, options.user.home],
    ["LANG", environment.LANG, options.lang ?? undefined],
    ["OFFHOOK_HOME", environment.OFFHOOK_HOME, options.home.endsWith("/.offhook") ? undefined : options.home],
    ["KeepAlive", is.KeepAlive, { SuccessfulExit: false }],
    ["ThrottleInterval", is.ThrottleInterval, 10],
    ["ExitTimeOut", is.ExitTimeOut, 40],
    ["UserName", is.UserName, manager === "launchd-daemon" ? options.user.name : undefined],
    ["StandardOutPath", is.StandardOutPath, `${options.user.home}/Library/Logs/offhook.log`],
  ];
  return pairs.flatMap(([key, value, wanted]) =>
    Bun.deepEquals(value, wanted) ? [] : [`${key}: ${JSON.stringify(value)}, not ${JSON.stringify(wanted)}`],
  );
}

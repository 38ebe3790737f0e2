// A Mac that is pretended on Linux, for scripts/mac-check: its tools as small shell programs, a launchctl that really starts and
// restarts what a plist names, and an offhook that answers for launchd where the one for Linux would not.
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Fakes by name. SCRATCH is where launchctl keeps its services. */
const TOOLS = {
  uname: 'case "$1" in -s) echo Darwin ;; -m) echo x86_64 ;; esac',
  sw_vers: "echo 15.6",
  "notify-send": ":",
  sysctl: 'case "$2" in hw.model) echo Pretended1,1 ;; hw.ncpu) echo 2 ;; *) exit 1 ;; esac',
  codesign: 'case "$1" in -dv) echo "Signature=adhoc" >&2 ;; --verify) exit 0 ;; *) exit 1 ;; esac',
  plutil: `case "$1" in
  -extract) exec "$BUN" -e 'const [file] = process.argv.slice(-1); console.log((await Bun.file(file).json()).files[0].text)' "$6" ;;
  -lint) grep -q '<plist' "$2" ;;
  -convert) exec "$BUN" -e 'await Bun.file(process.argv.at(-1)).json()' "$5" ;;
esac`,
  // A keeper a service: starts it again when it ends badly, as KeepAlive SuccessfulExit=false does.
  launchctl: `at="$SCRATCH/$(basename "\${3:-$2}" .plist)"
case "$1" in
  print)
    case "$2" in */*/*) [ -s "$at" ] && echo "	pid = $(cat "$at")" ;; gui/*) exit 0 ;; esac ;;
  bootstrap)
    program=$(sed -n '/ProgramArguments/,/<.array>/s/.*<string>\\(.*\\)<.string>.*/\\1/p' "$3" | head -n 1)
    home=$(sed -n '/<key>HOME/{n;s/.*<string>\\(.*\\)<.string>.*/\\1/p;}' "$3")
    log=$(sed -n '/<key>StandardOutPath/{n;s/.*<string>\\(.*\\)<.string>.*/\\1/p;}' "$3")
    (
      code=1
      while [ "$code" -ne 0 ]; do
        env -i HOME="$home" PATH=/usr/bin:/bin REAL="$REAL" "$program" consume >>"$log" 2>&1 </dev/null &
        echo $! >"$at"
        wait $!
        code=$?
      done
      rm -f "$at"
    ) >/dev/null 2>&1 </dev/null &
    ;;
  bootout) [ -s "$at" ] && kill "$(cat "$at")" ;;
esac`,
} as const;

/** Writes the fakes and a release folder. `real` is the offhook for this machine. Gives the environment for mac-check. */
export function makeMac(root: string, real: string, installer: (program: string) => string) {
  const tools = join(root, "tools");
  const release = join(root, "release");
  const services = join(root, "services");
  for (const path of [tools, release, services, join(root, "tmp"), join(root, "real")]) mkdirSync(path);
  for (const [name, text] of Object.entries(TOOLS)) {
    writeFileSync(join(tools, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  const copy = join(root, "real/offhook");
  copyFileSync(real, copy);
  chmodSync(copy, 0o755);
  const program = wrapper(copy);
  writeFileSync(join(release, "offhook-darwin-x64.gz"), Bun.gzipSync(Buffer.from(program)));
  writeFileSync(join(release, "install.sh"), installer(program));
  return {
    release,
    env: {
      PATH: `${tools}:${process.env.PATH}`,
      CHECK_PATH: `${tools}:${process.env.PATH}`,
      HOME: join(root, "nobody"),
      TMPDIR: join(root, "tmp"),
      SCRATCH: services,
      BUN: process.execPath,
    },
  };
}

/** The program of the release: the real one, except for what it would ask of launchd. `exec`: its pid is the daemon's. */
function wrapper(real: string): string {
  const plist = `<plist><dict>
<key>Label</key>
<string>offhook</string>
<key>HOME</key>
<string>'"$HOME"'</string>
<key>ProgramArguments</key>
<array>
<string>'"$0"'</string>
<string>consume</string>
</array>
<key>StandardOutPath</key>
<string>'"$HOME"'/Library/Logs/offhook.log</string>
</dict></plist>
`;
  const json = JSON.stringify({ files: [{ text: plist }] }).replaceAll('\\"', '"');
  return `#!/bin/sh
case "$*" in
  "install-service --dry-run --json") printf '%s\\n' '${json}' ;;
  "service "* | install-service | uninstall-service) exit 0 ;;
  "setup "*) exec '${real}' setup --yes --scope user --consumers log --service none ;;
  "uninstall "*) '${real}' "$@" && rm -f "$0" ;;
  *) exec '${real}' "$@" ;;
esac
`;
}

// The hook that people write in an afternoon, to measure publish against: python3 reads stdin, parses it, writes one
// file and waits for no disk.

/** The program's text; its argument is the directory for the files. */
export const PYTHON_PUBLISHER = `import json, os, sys, time

event = sys.stdin.buffer.read()
json.loads(event)
with open(os.path.join(sys.argv[1], "%d-%d.json" % (time.time_ns(), os.getpid())), "xb") as file:
    file.write(event)
`;

/** The python3 on the PATH, or null. Not a version manager's shim before it, which takes longer than Python itself. */
export function findPython(): string | null {
  const found = Bun.which("python3");
  if (found === null) return null;
  const asked = Bun.spawnSync([found, "-c", "import sys; print(sys.executable)"], {
    stdin: "ignore",
    stderr: "ignore",
  });
  return asked.exitCode === 0 ? asked.stdout.toString().trim() : null;
}

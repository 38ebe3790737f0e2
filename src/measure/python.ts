// Hooks that people write in an afternoon with python3, to measure publish against.

/** Reads stdin, parses it, writes one file and waits for no disk. Its argument is the directory for the files. */
export const PYTHON_PUBLISHER = `import json, os, sys, time

event = sys.stdin.buffer.read()
json.loads(event)
with open(os.path.join(sys.argv[1], "%d-%d.json" % (time.time_ns(), os.getpid())), "xb") as file:
    file.write(event)
`;

/** Reads a hook's payload, lints the file that it names (syntax, imports that are not used), and prints what to post about it. */
export const PYTHON_LINT = `import ast, json, sys

path = json.load(sys.stdin)["tool_input"]["file_path"]
with open(path, encoding="utf-8") as file:
    tree = ast.parse(file.read(), path)
compile(tree, path, "exec")

imported, used = {}, set()
for node in ast.walk(tree):
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        for name in node.names:
            imported[(name.asname or name.name).split(".")[0]] = node.lineno
    elif isinstance(node, ast.Name):
        used.add(node.id)
unused = ["%s:%d: %s is imported and not used" % (path, line, name) for name, line in imported.items() if name not in used]
print(json.dumps({"text": "\\n".join(unused) or "clean"}))
`;

/** Posts its stdin as JSON to the address that is its argument, and waits for the answer. */
export const PYTHON_POST = `import sys, urllib.request

headers = {"content-type": "application/json"}
urllib.request.urlopen(urllib.request.Request(sys.argv[1], sys.stdin.buffer.read(), headers), timeout=20).read()
`;

/**
 * The system's python3 (on macOS that of the PATH: its own may be a stand-in that opens a window), else that of the PATH, or null. Not
 * a version manager's shim, which takes longer than Python itself, and not its Python either, which may load packages at each start.
 */
export function findPython(): string | null {
  const own = process.platform === "linux" ? Bun.which("python3", { PATH: "/usr/bin" }) : null;
  const found = own ?? Bun.which("python3");
  if (found === null) return null;
  const asked = Bun.spawnSync([found, "-c", "import sys; print(sys.executable)"], {
    stdin: "ignore",
    stderr: "ignore",
  });
  return asked.exitCode === 0 ? asked.stdout.toString().trim() : null;
}

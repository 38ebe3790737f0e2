// The environment variables that steer the Bun runtime inside a compiled binary, whatever the program in it says: the one
// table of those that would harm a hook or a daemon. seal-runtime.ts takes them out, check-binary.ts tries them.
// Found by running Bun 1.4.5 with every name it looks up (getenv under a debugger) and watching output, exit code, files.
// linux-x64 is what the tests run on; linux-arm64 ran under qemu-user; on darwin the places were found, but nothing was run.

/** What a binary is built for. musl needs no entry of its own: the same counts were found there. */
export const TARGETS = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"] as const;

export type Target = (typeof TARGETS)[number];

export type Switch = {
  name: string;
  /** A value that shows the harm in an unsealed binary. */
  value: string;
  harm: string;
  /** Where the name does not stand in the runtime. */
  missingOn?: Target[];
  /** Without it the name is handed to getenv: it stands once between two NUL bytes, and only there it is taken out. With it
   *  the name is looked up by its length: it stands this often in all, and all are taken out. */
  standsBare?: number;
};

/** Left alone: BUN_INSPECT_NOTIFY (only the debugger reads it, and nothing can start that any more), and those that only
 *  tune or write a line to stderr: MIMALLOC_*, NODE_CHANNEL_FD, WTF_numberOfProcessorCores, BUN_CONFIG_MAX_HTTP_REQUESTS. */
export const SWITCHES: Switch[] = [
  {
    name: "BUN_BE_BUN",
    value: "1",
    harm: "the binary is the bun command: publish becomes the publishing of a package",
  },
  {
    name: "BUN_OPTIONS",
    value: "--cpu-prof",
    harm: "command line of the runtime: runs code, writes files, or refuses",
  },
  { name: "BUN_INSPECT", value: "1", harm: "refuses to start (or, without strict, opens a debugger)" },
  { name: "BUN_INSPECT_CONNECT_TO", value: "1", harm: "a warning on stderr (or, without strict, connects a debugger)" },
  { name: "BUN_INSPECT_PRELOAD", value: "./evil.ts", harm: "refuses to start (or, without strict, runs that file)" },
  { name: "BUN_BYTECODE_ORDER_OUT", value: "order.out", harm: "writes a file where the hook runs" },
  { name: "BUN_BYTECODE_DIGEST_OUT", value: "digest.out", harm: "writes a file where the hook runs" },
  { name: "BUN_FEATURE_FLAG_NO_ORPHANS", value: "1", harm: "dies with its parent, and kills its children at its end" },
  {
    name: "BUN_CONFIG_VERBOSE_FETCH",
    value: "curl",
    harm: "prints every request with its secret headers",
    standsBare: 2,
  },
  { name: "JSC_SIGNAL_FOR_GC", value: "9", harm: "aborts" },
  {
    name: "SIMDUTF_FORCE_IMPLEMENTATION",
    value: "none",
    harm: "exits 134, as on a processor that is too old",
    missingOn: ["linux-arm64"],
  },
];

/** Every variable that begins with BUN_JSC_ sets an option of the engine: prints, writes files, aborts, and BUN_JSC_watchdog
 *  ends a program that has not done its work, with exit code 0. This one shows that they are read. */
export const ENGINE_OPTION = { name: "BUN_JSC_dumpOptions", value: "1" };

export type PrefixCompare = { find: string; replace: string };

/** The start of the loop that compares each variable with "BUN_JSC_", letter by letter, as machine code in hex. The branch
 *  after the first letter ("not equal: the next variable") becomes one that is always taken. It stands once. */
export const PREFIX_COMPARES: Record<Target, PrefixCompare> = {
  // cmp byte [r14], 'B'; jne next; cmp byte [r14+1], 'U'     ->     jmp next
  "linux-x64": { find: "41803e42 75e5 41807e0155", replace: "41803e42 ebe5 41807e0155" },
  "darwin-x64": { find: "41803e42 75e5 41807e0155", replace: "41803e42 ebe5 41807e0155" },
  // cmp w10, 'B'; b.ne next; ldrb w10, [x9, 1]; cmp w10, 'U'     ->     b next
  "linux-arm64": { find: "5f090171 01ffff54 2a054039 5f550171", replace: "5f090171 f8ffff17 2a054039 5f550171" },
  "darwin-arm64": { find: "3f090171 01ffff54 09054039 3f550171", replace: "3f090171 f8ffff17 09054039 3f550171" },
};

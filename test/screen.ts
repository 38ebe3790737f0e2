// A terminal for tests: a real pseudo-terminal with a program in it, keys that are typed, and the screen as text, as a person
// would see it. Knows the control sequences that the wizard's library sends, and throws for any other, so that none is missed.
import { BINARY, until } from "./running.ts";

export type Screen = {
  /** The lines as they stand, from the top of what was ever written, without trailing blanks. */
  text(): string;
  /** All bytes that came, for looking at colours. */
  raw(): string;
  feed(text: string): void;
};

/** An empty screen of so many columns; it never scrolls anything away. */
export function makeScreen(columns: number): Screen {
  const lines: string[][] = [[]];
  let row = 0;
  let column = 0;
  let raw = "";
  let rest = "";
  const put = (char: string) => {
    const width = Bun.stringWidth(char);
    if (column + width > columns) {
      row++;
      column = 0;
    }
    while (lines.length <= row) lines.push([]);
    const line = lines[row]!;
    while (line.length < column) line.push(" ");
    line[column] = char;
    column += Math.max(1, width);
  };
  const control = (numbers: string, letter: string) => {
    const count = Math.max(1, Number(numbers.split(";")[0] || 1));
    if (letter === "A") row = Math.max(0, row - count);
    else if (letter === "B") row += count;
    else if (letter === "C") column += count;
    else if (letter === "D") column = Math.max(0, column - count);
    else if (letter === "G") column = count - 1;
    else if (letter === "K" && numbers === "2") lines[row] = [];
    else if (letter === "K") lines[row] = (lines[row] ?? []).slice(0, column);
    else if (letter === "J" && (numbers === "" || numbers === "0")) {
      lines[row] = (lines[row] ?? []).slice(0, column);
      lines.length = Math.min(lines.length, row + 1);
    } else if (letter !== "m" && !(numbers.startsWith("?") && "hl".includes(letter)))
      throw new Error(`the screen does not know ESC [ ${numbers} ${letter}`);
    while (lines.length <= row) lines.push([]);
  };
  return {
    text: () =>
      lines
        .map((line) =>
          Array.from(line, (char) => char ?? "")
            .join("")
            .trimEnd(),
        )
        .join("\n"),
    raw: () => raw,
    feed(text) {
      raw += text;
      let at = 0;
      const all = rest + text;
      rest = "";
      while (at < all.length) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what this is about
        const sequence = /^\x1b\[([?\d;]*)([A-Za-z])/.exec(all.slice(at, at + 32));
        if (sequence !== null) {
          control(sequence[1]!, sequence[2]!);
          at += sequence[0].length;
          continue;
        }
        if (all[at] === "\x1b") {
          // The end of a chunk may cut a sequence.
          if (all.length - at < 16) {
            rest = all.slice(at);
            return;
          }
          throw new Error(`the screen does not know ${JSON.stringify(all.slice(at, at + 16))}`);
        }
        const [char = ""] = all.slice(at, at + 2);
        const whole = all.codePointAt(at)! > 0xffff ? all.slice(at, at + 2) : char;
        at += whole.length;
        if (whole === "\r") column = 0;
        else if (whole === "\n") {
          row++;
          while (lines.length <= row) lines.push([]);
        } else if (whole === "\b") column = Math.max(0, column - 1);
        else if (whole !== "\x07") put(whole);
      }
    },
  };
}

export type OnScreen = {
  screen: Screen;
  /** Waits until the screen shows a text. */
  shows(text: string | RegExp): Promise<void>;
  type(keys: string): void;
  /** Shows a text, and is answered with keys. */
  answer(text: string | RegExp, keys: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Ends it where it still runs. */
  kill(): Promise<void>;
  /** Waits for its end. */
  ended(): Promise<{ exitCode: number | null; signal: string | null }>;
};

export const KEY = {
  enter: "\r",
  down: "\x1b[B",
  up: "\x1b[A",
  space: " ",
  ctrlC: "\x03",
  ctrlD: "\x04",
  escape: "\x1b",
};

/** Runs `offhook ARGS` in a terminal. `env` is the whole environment. */
export function onScreen(
  args: string[],
  {
    env,
    cwd,
    columns = 100,
    binary = BINARY,
  }: { env: Record<string, string>; cwd: string; columns?: number; binary?: string },
): OnScreen {
  const screen = makeScreen(columns);
  const decoder = new TextDecoder();
  const closed = Promise.withResolvers<void>();
  let trouble: Error | null = null;
  const child = Bun.spawn([binary, ...args], {
    env: { TERM: "xterm-256color", LANG: "C.UTF-8", ...env },
    cwd,
    terminal: {
      cols: columns,
      rows: 200,
      data(_, bytes) {
        try {
          screen.feed(decoder.decode(bytes, { stream: true }));
        } catch (error) {
          trouble = error as Error;
        }
      },
      exit: () => closed.resolve(),
    },
  });
  let isClosed = false;
  const close = async () => {
    await child.exited;
    if (!isClosed) child.terminal!.close();
    isClosed = true;
    await closed.promise;
  };
  const shown = () => `on the screen:\n${screen.text()}`;
  const on: OnScreen = {
    screen,
    async answer(text, keys) {
      await on.shows(text);
      on.type(keys);
    },
    signal: (name) => child.kill(name),
    async kill() {
      child.kill("SIGKILL");
      await close();
    },
    async shows(text) {
      const isThere = () => (typeof text === "string" ? screen.text().includes(text) : text.test(screen.text()));
      await until(
        () => trouble !== null || isThere() || child.exitCode !== null,
        () => `${text} did not come; ${shown()}`,
      );
      if (trouble !== null) throw trouble;
      if (!isThere()) throw new Error(`it ended (${child.exitCode}) without ${text}; ${shown()}`);
    },
    type: (keys) => child.terminal!.write(keys),
    async ended() {
      await until(
        () => child.exitCode !== null || child.signalCode !== null,
        () => `it did not end; ${shown()}`,
      ).catch((error) => {
        child.kill("SIGKILL");
        throw error;
      });
      await close();
      if (trouble !== null) throw trouble;
      return { exitCode: child.exitCode, signal: child.signalCode === null ? null : String(child.signalCode) };
    },
  };
  return on;
}

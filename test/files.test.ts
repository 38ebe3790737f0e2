// The file calls of the hot path, the same through the C library and through node:fs.
import { expect, test } from "bun:test";
import { chmodSync, constants, lstatSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileCalls, makeFiles } from "../src/system/files.ts";
import { makeScratch } from "./binary.ts";

const scratch = makeScratch();
const codeOf = (step: () => unknown): string | undefined => {
  try {
    step();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
};

if (process.platform === "linux") {
  test("on Linux the C library can be asked", () => {
    expect(fileCalls()).not.toBeNull();
  });
}

for (const [through, calls] of [
  ["the C library", fileCalls()],
  ["node:fs", null],
] as const) {
  const files = makeFiles(calls);

  test(`${through}: a file is made, written, synced, renamed and read back; its name may hold anything`, () => {
    const directory = scratch.directory("a 'directory' ☃");
    const [from, to] = [join(directory, "from\n"), join(directory, "ἕω é")];
    const bytes = new Uint8Array(300_007).map((_, at) => at % 251);
    const fd = files.create(from);
    files.writeAll(fd, bytes.subarray(0, 7));
    files.writeAll(fd, bytes.subarray(7));
    files.writeAll(fd, new Uint8Array(0));
    files.sync(fd);
    files.close(fd);
    files.rename(from, to);
    const opened = files.openDirectory(directory);
    files.sync(opened);
    files.close(opened);
    expect(readFileSync(to).equals(bytes)).toBe(true);
    expect(lstatSync(to).mode & 0o777).toBe(0o600);

    const readable = openSync(to, constants.O_RDONLY);
    const buffer = new Uint8Array(300_100);
    expect(files.readOnce(readable, buffer.subarray(11))).toBe(300_007);
    expect(files.readOnce(readable, buffer)).toBe(0);
    expect(Buffer.from(buffer.subarray(11, 11 + 300_007)).equals(bytes)).toBe(true);
    files.close(readable);
    expect(codeOf(() => files.readOnce(readable, buffer))).toBe("EBADF");
  });

  test(`${through}: a look tells kind, owner and mode, and follows no link`, () => {
    const directory = scratch.directory("looked at");
    const [file, link, nothing] = [join(directory, "file"), join(directory, "link"), join(directory, "nothing")];
    writeFileSync(file, "");
    symlinkSync(directory, link);
    chmodSync(directory, 0o1751);
    const uid = process.geteuid?.();
    expect(files.look(directory)).toEqual({ kind: "directory", uid, mode: 0o1751 } as never);
    expect(files.look(file)).toEqual({ kind: "other", uid, mode: lstatSync(file).mode & 0o7777 } as never);
    expect(files.look(link)?.kind).toBe("link");
    expect(files.look(nothing)).toBeNull();
    expect(files.look("/")).toMatchObject({ kind: "directory", uid: lstatSync("/").uid });
  });

  test(`${through}: what cannot be done throws, and says why`, () => {
    const directory = scratch.directory("refused");
    const file = join(directory, "file");
    writeFileSync(file, "keep");
    symlinkSync(join(directory, "target"), join(directory, "link"));
    expect(codeOf(() => files.create(file))).toBe("EEXIST");
    expect(codeOf(() => files.create(join(directory, "link")))).toBe("EEXIST");
    expect(codeOf(() => files.create(join(directory, "no", "file")))).toBe("ENOENT");
    expect(codeOf(() => files.rename(join(directory, "no"), file))).toBe("ENOENT");
    expect(codeOf(() => files.openDirectory(join(directory, "no")))).toBe("ENOENT");
    expect(codeOf(() => files.look(join(file, "below")))).toBe("ENOTDIR");
    const readable = openSync(file, constants.O_RDONLY);
    expect(codeOf(() => files.writeAll(readable, new Uint8Array(1)))).toBe("EBADF");
    files.close(readable);
    expect(codeOf(() => files.sync(readable))).not.toBeUndefined();
    expect(readFileSync(file, "utf8")).toBe("keep");
  });
}

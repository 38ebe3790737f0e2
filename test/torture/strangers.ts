// Strangers in a spool: things that are not files, that have odd names, or that are in the way of others.
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { digestOf } from "./publisher.ts";
import { type Damage, type Fate, fateOf, type Place, put } from "./spool-damage.ts";

const MOST_BYTES = 2 ** 30;

/** Makes something in the stage, and puts it into spool/new under a name. */
function stranger(what: string, nameOf: (place: Place) => string, make: (path: string, place: Place) => void): Damage {
  return {
    what,
    plant(place) {
      const name = nameOf(place);
      const staged = join(place.stage, `stranger-${place.number}`);
      make(staged, place);
      const look = lstatSync(staged);
      // What nobody could read into memory is not read here either.
      const isRead = look.isFile() && look.size < MOST_BYTES;
      const fate: Fate = isRead ? fateOf(name, readFileSync(staged)) : { kind: "bad", name, digest: null };
      renameSync(staged, join(place.home, "spool", "new", name));
      return [fate];
    },
  };
}

const anId = () => Bun.randomUUIDv7();
const anyName = ({ dice, number }: Place) => dice.pick([() => `thing-${number}`, anId, () => `.${number}`])();
const text = (path: string, { dice }: Place) => writeFileSync(path, dice.pick(["", "{}", "milk", '{"v":1,"id":"']));
const run = (...words: string[]) => {
  const { exitCode, stderr } = Bun.spawnSync(words, { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`${words[0]}: ${stderr.toString()}`);
};

const IN_NEW: readonly Damage[] = [
  stranger("a file", anyName, text),
  stranger("a file with an id in capitals", () => anId().toUpperCase(), text),
  stranger("a file with an id and an ending", () => `${anId()}.tmp`, text),
  stranger("a name of 255 bytes", ({ number }) => `${number}-`.padEnd(255, "n"), text),
  stranger(
    "a name of 255 bytes of letters of three",
    ({ number }) => `${String(number).padEnd(15, "-")}${"\u20ac".repeat(80)}`,
    text,
  ),
  stranger("a name with line ends and escapes", ({ number }) => `${number}\n00:00:00 ready \u001b[2J\u202e`, text),
  stranger("an empty directory", anyName, (path) => mkdirSync(path)),
  stranger("a full directory", anyName, (path) => {
    mkdirSync(join(path, "deep", "deeper"), { recursive: true });
    writeFileSync(join(path, "deep", anId()), "{}");
  }),
  stranger("a FIFO", anyName, (path) => run("mkfifo", path)),
  stranger("a link to a file", anyName, (path, { precious }) => symlinkSync(precious, path)),
  stranger("a link to nowhere", anyName, (path) => symlinkSync("/nowhere/at/all", path)),
  stranger("a link to a directory", anyName, (path) => symlinkSync("/", path)),
  stranger("a link to itself", anId, (path) => symlinkSync("stranger", path)),
  stranger("a socket", anyName, (path) => {
    const listening = Bun.listen({ unix: `${path}.s`, socket: { data() {} } });
    renameSync(`${path}.s`, path);
    listening.stop(true);
  }),
  stranger("a file of 3 GiB of nothing", anId, (path) => {
    writeFileSync(path, "");
    truncateSync(path, 3 * 2 ** 30);
  }),
  {
    what: "a second name of a real event",
    plant(place) {
      const { id, bytes } = place.whole();
      const other = anId();
      const staged = join(place.stage, `second-${place.number}`);
      writeFileSync(staged, bytes);
      linkSync(staged, join(place.home, "spool", "new", other));
      renameSync(staged, join(place.home, "spool", "new", id));
      return [fateOf(id, bytes), fateOf(other, bytes)];
    },
  },
  {
    what: "a name that is in bad/ already",
    plant(place) {
      const name = `again-${place.number}`;
      writeFileSync(join(place.home, "spool", "bad", name), "the first");
      return [
        { kind: "bad", name, digest: digestOf(Buffer.from("the first")) },
        ...put(place, name, Buffer.from("the second")),
      ];
    },
  },
  {
    what: "a name that is no UTF-8",
    plant({ home, number, dice }) {
      const content = dice.pick(["", "x"]);
      const script = `printf %s "$2" > "$1/$(printf '${number} \\377 \\300')"`;
      run("sh", "-c", script, "sh", join(home, "spool", "new"), content);
      return [{ kind: "bad", name: `${number} \ufffd \ufffd`, digest: digestOf(Buffer.from(content)) }];
    },
  },
];

/** Puts something into tmp/, now or of long ago. */
function inTmp(what: string, make: (path: string, place: Place) => void): Damage {
  return {
    what: `in tmp/: ${what}`,
    plant(place) {
      const name = place.dice.pick([`${anId()}.1`, `${anId()}.99999999`, anId(), `other-${place.number}`]);
      const path = join(place.home, "spool", "tmp", name);
      make(path, place);
      const isLink = lstatSync(path).isSymbolicLink();
      if (!isLink && place.dice.chance(0.5)) utimesSync(path, 1_000_000, 1_000_000);
      return [{ kind: "nobody's" }];
    },
  };
}

const IN_TMP: readonly Damage[] = [
  inTmp("a file", text),
  inTmp("a directory", (path) => mkdirSync(path)),
  inTmp("a FIFO", (path) => run("mkfifo", path)),
  inTmp("a link to a file", (path, { precious }) => symlinkSync(precious, path)),
];

/** What never was an event of a hook, in spool/new, in bad/ and in tmp/. */
export const STRANGERS: readonly Damage[] = [...IN_NEW, ...IN_TMP];

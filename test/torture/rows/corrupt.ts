// Corrupt spools and ledgers: what a bad disk, a bad program or a person makes of them. By id: real events arrive, the rest is set
// aside and told. Four of five damages are of spools, 25 in each; the others of ledgers, one in each home.
import { corruptLedger, type End, makeTemplates } from "../corrupt-ledger.ts";
import { corruptSpool, DAMAGES_OF_A_HOME } from "../corrupt-spool.ts";
import { inLanes } from "../lanes.ts";
import type { Context, Row, Seen } from "../row.ts";
import { makeVariant, type Replacement } from "../variant.ts";

const AT_ONCE = 3;
const SPOOL_SHARE = 0.8;

async function corruptSpools({ cases, ...context }: Context, binary: string): Promise<Seen> {
  const counts = { "events arrived": 0, "no events, set aside": 0, "of a newer version": 0, "either way": 0 };
  const findings: string[] = [];
  const homes = Math.ceil(cases / DAMAGES_OF_A_HOME);
  await inLanes({ count: homes, atOnce: AT_ONCE, signal: context.signal }, async (number) => {
    const first = number * DAMAGES_OF_A_HOME;
    const home = {
      name: `spool-${number}`,
      dice: context.dice.fork(`spool/${number}`),
      first,
      count: Math.min(DAMAGES_OF_A_HOME, cases - first),
    };
    const told = await corruptSpool({ ...context, cases }, binary, home);
    counts["events arrived"] += told.events;
    counts["no events, set aside"] += told.bad;
    counts["of a newer version"] += told.waiting;
    counts["either way"] += told.eitherWay;
    findings.push(...told.wrong.map((sentence) => `spool ${number}: ${sentence}`));
    context.say(`spool ${number} of ${homes}`);
  });
  return { counts, findings };
}

async function corruptLedgers(context: Context, binary: string): Promise<Seen> {
  const { cases, dice, say, signal } = context;
  const counts: Record<End, number> = { "went on": 0, "set aside": 0, refused: 0 };
  const findings: string[] = [];
  const templates = await makeTemplates(context, binary);
  await inLanes({ count: cases, atOnce: AT_ONCE, signal }, async (number) => {
    const home = { name: `ledger-${number}`, number, dice: dice.fork(`ledger/${number}`), templates };
    const { what, end, wrong } = await corruptLedger(context, binary, home);
    counts[end]++;
    findings.push(...wrong.map((sentence) => `ledger ${number}, ${what}: ${sentence}`));
    say(`ledger ${number} of ${cases}, ${what}`);
  });
  const told = Object.entries(counts).map(([end, count]) => [`ledgers: ${end}`, count]);
  return { counts: Object.fromEntries(told), findings };
}

function together(...seen: Seen[]): Seen {
  return {
    counts: Object.assign({}, ...seen.map(({ counts }) => counts)),
    findings: seen.flatMap(({ findings }) => findings),
  };
}

/** What is no event is deleted, and not set aside. */
const DELETES: Replacement = {
  file: "src/spool/collect.ts",
  from: "const stays = setAside(dirs.new, dirs.bad, name);",
  to: "void rm(join(dirs.new, name), { recursive: true, force: true });\nconst stays = null;",
};

/** A start that finds a damaged ledger begins with an empty spool too. */
const STARTS_OVER: Replacement = {
  file: "src/ledger/damaged.ts",
  from: "syncDirectory(dirname(path));",
  to: 'rmSync(join(dirname(path), "spool", "new"), { recursive: true, force: true });',
};

export const row: Row = {
  name: "corrupt",
  title: "damages of spools and ledgers: cut off, bits flipped, zeros, strangers of every kind",
  must: "the daemon alive or refusing clearly, what is bad set aside and told, every event by id delivered",
  cases: 500,
  missing: () => null,
  async run(context) {
    const spools = Math.round(context.cases * SPOOL_SHARE);
    return together(
      await corruptSpools({ ...context, cases: spools }, context.binary),
      await corruptLedgers({ ...context, cases: context.cases - spools }, context.binary),
    );
  },
  control: {
    title: "damages, with a build that deletes what is no event, and one that empties the spool with a damaged ledger",
    cases: 50,
    async run(context) {
      const { place } = context;
      const half = { ...context, cases: context.cases / 2 };
      const spools = await corruptSpools(half, await makeVariant({ name: "deletes", replacements: [DELETES], place }));
      const startsOver = await makeVariant({ name: "starts-over", replacements: [STARTS_OVER], place });
      const ledgers = await corruptLedgers(half, startsOver);
      for (const { counts, findings } of [spools, ledgers])
        if (findings.length === 0) throw new Error(`one of the two was not seen: ${JSON.stringify(counts)}`);
      return together(spools, ledgers);
    },
  },
};

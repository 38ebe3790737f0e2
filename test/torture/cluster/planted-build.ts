// Controls of several parts: a history that is spoiled afterwards, and a build of offhook that is wrong on purpose. Each part must be
// caught by itself, in a place of its own.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Context, Control, Seen } from "../row.ts";
import { makeVariant, type Replacement } from "../variant.ts";

/** A part of a control; what it finds is what it caught, and what of that does not fit `says` is something else that is wrong. */
export type Part = { what: string; says: RegExp; run(context: Context): Promise<Seen> };

/** The same row with a build in which texts are replaced. */
export function plantedBuild(
  name: string,
  { what, says, replacements, cases, play }: Omit<Part, "run"> & Planted,
): Part {
  return {
    what,
    says,
    run: async (context) =>
      play({ ...context, cases, binary: await makeVariant({ name, place: context.place, replacements }) }),
  };
}

type Planted = { replacements: readonly Replacement[]; cases: number; play(context: Context): Promise<Seen> };

/** A control that is well when each of its parts has caught what it is for. */
export function controlOf(cases: number, parts: readonly Part[]): Control {
  return {
    title: parts.map(({ what }) => what).join("; and "),
    cases,
    async run(context) {
      const seen: Seen = { counts: {}, findings: [] };
      for (const [at, { what, says, run }] of parts.entries()) {
        const place = join(context.place, `part-${at}`);
        mkdirSync(place, { mode: 0o700 });
        const { counts, findings } = await run({ ...context, place });
        const caught = findings.filter((finding) => says.test(finding));
        if (caught.length === 0) throw new Error(`not seen: ${what}; ${findings.slice(0, 5).join("\n")}`);
        Object.assign(seen.counts, parts.length === 1 ? counts : { [`part ${at + 1}, caught`]: caught.length });
        seen.findings.push(...caught);
      }
      return seen;
    },
  };
}

// Two reports side by side as text: who they are, what differs beside the figures, then a table a part.
import type { Compared, ComparedRow, Side } from "./compare.ts";
import { boundsText, count, countOf, mibText, msText, rateText, timesText } from "./figure-text.ts";
import { type Column, fittedTable } from "./fitted-table.ts";
import { finished, type Look, painted, wrapped } from "./look.ts";
import type { Judged, Verdict } from "./relation.ts";
import { PARTS, type Part } from "./shape.ts";
import { momentText } from "./text-head.ts";

/** The whole comparison; a verdict with a question mark is of a doubtful report. */
export function comparedLines(compared: Compared, look: Look): string[] {
  const parts = PARTS.map((part) => partLines(part, compared.rows, look)).filter((lines) => lines.length > 0);
  return finished(
    [
      look.paint("bold", "offhook bench, B beside A"),
      ...sideLines("A", compared.a, look),
      ...sideLines("B", compared.b, look),
      ...compared.differences.flatMap((text) => painted("yellow", look.oneLine(text), "  ", look)),
      "",
      ...doubtLines(compared, look),
      ...wrapped(verdictsText(compared.rows), "  ", look),
      ...parts.flatMap((lines) => ["", ...lines]),
      ...onlyLines("A", compared.onlyA, look),
      ...onlyLines("B", compared.onlyB, look),
    ],
    look,
  );
}

function sideLines(letter: string, { name, offhook, bun, startedAt, isQuick }: Side, look: Look): string[] {
  const quick = isQuick ? ", a quick run" : "";
  const text = `${letter}  ${name}, ${momentText(startedAt)}, offhook ${offhook}, Bun ${bun}${quick}`;
  return wrapped(look.oneLine(text), "  ", look);
}

function doubtLines({ a, b, doubtful }: Compared, look: Look): string[] {
  if (!doubtful) return [];
  const why = (letter: string, { doubts }: Side) =>
    doubts.flatMap((doubt) => painted("red", look.oneLine(`${letter}: ${doubt}`), "    ", look));
  const verdicts = wrapped("So each difference below has a question mark.", "    ", look);
  return [look.paint("red", "  THIS COMPARISON IS DOUBTFUL"), ...why("A", a), ...why("B", b), ...verdicts];
}

const ORDER: readonly Verdict[] = ["slower", "more", "faster", "less", "unsure", "same"];

/** "21 figures: 3 slower, 1 unsure, 17 same." */
function verdictsText(rows: readonly ComparedRow[]): string {
  if (rows.length === 0) return "They have no figure in common.";
  const counted = ORDER.flatMap((verdict) => {
    const those = rows.filter(({ ratio }) => ratio.verdict === verdict).length;
    return those === 0 ? [] : [`${count(those)} ${verdict}`];
  });
  const intervals = rows.filter(({ ratio }) => ratio.low !== null).length;
  const differ = rows.some(({ ratio }) => ratio.verdict !== "same" && ratio.verdict !== "unsure");
  const chance =
    intervals < 20 || !differ
      ? ""
      : ` Of ${intervals} intervals of 95 % about ${Math.round(intervals / 20)} miss by chance.`;
  return `${countOf(rows.length, "figure")}, B beside A: ${counted.join(", ")}.${chance}`;
}

/** A table a figure of the part: what is in one column has one unit. */
function partLines(part: Part, all: readonly ComparedRow[], look: Look): string[] {
  const rows = all.filter((row) => row.part === part);
  const figures = [...new Set(rows.map(({ figure }) => figure))];
  return figures.flatMap((figure, index) => [
    ...(index === 0 ? [] : [""]),
    ...figureLines(
      `${part}, ${figure}`,
      rows.filter((row) => row.figure === figure),
      look,
    ),
  ]);
}

function figureLines(title: string, rows: readonly ComparedRow[], look: Look): string[] {
  const column = (title: string, of: (row: ComparedRow) => string): Column<ComparedRow> => ({ title, of });
  const name = { ...column(title, (row) => row.name), isText: true };
  const a = column("A", (row) => valueText(row.a, row));
  const b = column("B", (row) => valueText(row.b, row));
  const p99 = column("p99 of A, B", ({ p99 }) => (p99 === null ? "" : `${msText(p99.a)}, ${msText(p99.b)}`));
  const ratio = { ...column("B beside A (95 %)", (row) => ratioText(row.ratio)), isText: true };
  const verdict = { ...column("verdict", (row) => verdictText(row.ratio.verdict, row)), isText: true };
  const controls = rows.some(({ perNull }) => perNull !== null);
  const own = {
    ...column("beside null (95 %)", (row) => (row.perNull === null ? "" : ratioText(row.perNull))),
    isText: true,
  };
  const ownVerdict = {
    ...column("verdict", (row) => (row.perNull === null ? "" : verdictText(row.perNull.verdict, row))),
    isText: true,
  };
  const ownShort = {
    ...column("beside null", (row) =>
      row.perNull?.value == null ? "" : `${timesText(row.perNull.value)} ${verdictText(row.perNull.verdict, row)}`,
    ),
    isText: true,
  };
  const layouts = controls
    ? [
        [name, a, b, p99, ratio, verdict, own, ownVerdict],
        [name, a, b, ratio, verdict, own, ownVerdict],
        [name, a, b, ratio, verdict, ownShort],
        [name, ratio, verdict, ownShort],
      ]
    : [
        rows.some((row) => row.p99 !== null) ? [name, a, b, p99, ratio, verdict] : [name, a, b, ratio, verdict],
        [name, a, b, ratio, verdict],
        [name, ratio, verdict],
      ];
  const why = [...new Set(rows.flatMap(({ ratio }) => ratio.why ?? []))];
  const { lines, cutNames } = fittedTable(rows, layouts, look, ({ ratio }) => colourOf(ratio.verdict));
  return [
    ...lines,
    ...cutNames.flatMap((text) => painted("dim", `cut: ${text}`, "  ", look)),
    ...(controls
      ? painted(
          "dim",
          "beside null: first divided by its own machine's null, which only reads and parses; that takes the machine out",
          "  ",
          look,
        )
      : []),
    ...why.flatMap((text) => painted("dim", text, "  ", look)),
  ];
}

function valueText(value: number, { unit }: ComparedRow): string {
  switch (unit) {
    case "ms":
      return msText(value);
    case "/s":
      return rateText(value);
    case "MiB":
      return mibText(value);
    default:
      return unit satisfies never;
  }
}

/** "1.10 x (1.08–1.12)"; without an interval only the ratio. */
function ratioText({ value, low, high }: Judged): string {
  if (value === null) return "no ratio";
  return low === null || high === null ? timesText(value) : `${timesText(value)} (${boundsText({ value, low, high })})`;
}

function verdictText(verdict: Verdict, { doubtful }: ComparedRow): string {
  return doubtful && verdict !== "same" && verdict !== "unsure" ? `${verdict}?` : verdict;
}

function colourOf(verdict: Verdict): "red" | "green" | "yellow" | null {
  switch (verdict) {
    case "slower":
    case "more":
      return "red";
    case "faster":
    case "less":
      return "green";
    case "unsure":
      return "yellow";
    case "same":
      return null;
    default:
      return verdict satisfies never;
  }
}

function onlyLines(letter: string, names: readonly string[], look: Look): string[] {
  return names.length === 0
    ? []
    : ["", ...wrapped(look.oneLine(`Only ${letter} has: ${names.join("; ")}.`), "  ", look)];
}

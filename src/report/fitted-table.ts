// A table that fits: of several layouts the first one that the terminal is wide enough for, and names cut where they must be.
import { cut, type Look } from "./look.ts";

/** `of` gives the text of a row's cell, from elsewhere or not. The first column holds names; it is the one that gives way. */
export type Column<Row> = { title: string; of(row: Row): string; isText?: boolean };

const INDENT = "  ";
const NAME_LEAST_COLUMNS = 14;

/** Lines of a table, the header dim, a row in its `colour`; and the names that were cut, whole. `layouts`: the widest first, each with
 *  the same first column. */
export function fittedTable<Row>(
  rows: readonly Row[],
  layouts: readonly (readonly Column<Row>[])[],
  look: Look,
  colour: (row: Row) => "red" | "green" | "yellow" | "bold" | null = () => null,
): { lines: string[]; cutNames: string[] } {
  const tables = layouts.map((columns) => cellsOf(rows, columns, look));
  const table = tables.find(({ leastColumns }) => leastColumns <= look.columns) ?? tables.at(-1);
  if (table === undefined) return { lines: [], cutNames: [] };
  const { header, cells, right, restColumns } = table;
  const room = Math.max(1, look.columns - restColumns);
  const named = cells.map(([name = "", ...rest]) => [cut(name, room), ...rest]);
  const [head = "", ...lines] = look.table(header, named, right);
  const painted = lines.map((line, index) => {
    const row = rows[index];
    const its = row === undefined ? null : colour(row);
    return INDENT + (its === null ? line : look.paint(its, line));
  });
  const names = cells.map(([name = ""]) => name);
  return {
    lines: [look.paint("dim", INDENT + head), ...painted],
    cutNames: names.filter((name) => Bun.stringWidth(name) > room),
  };
}

function cellsOf<Row>(rows: readonly Row[], columns: readonly Column<Row>[], look: Look) {
  const header = columns.map(({ title }) => title);
  const cells = rows.map((row) => columns.map(({ of }) => look.oneLine(of(row))));
  const widths = header.map((title, index) =>
    Math.max(Bun.stringWidth(title), ...cells.map((row) => Bun.stringWidth(row[index] ?? ""))),
  );
  const [nameColumns = 0, ...rest] = widths;
  const restColumns = INDENT.length + rest.reduce((sum, width) => sum + width + 2, 0);
  return {
    header,
    cells,
    right: columns.filter(({ isText }) => !isText).map(({ title }) => title),
    restColumns,
    leastColumns: restColumns + Math.min(nameColumns, NAME_LEAST_COLUMNS),
  };
}

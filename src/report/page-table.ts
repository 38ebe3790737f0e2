// Tables of the page. On a phone each row becomes a card whose figures carry their column's title; the roles keep it a table for
// who listens to it. Pure.
import { html, type Markup, named, shortened } from "./markup.ts";

export type TableColumn = { title: string; isNumber: boolean };
export type TableRow = { head: Markup; cells: readonly Markup[] };

/** A column of figures. */
export function numbers(...titles: string[]): TableColumn[] {
  return titles.map((title) => ({ title, isNumber: true }));
}

/** The first column's title, then the others; every row has a head and a cell for each of these. */
export function tableOf(first: string, columns: readonly TableColumn[], rows: readonly TableRow[]): Markup {
  const head = columns.map(
    ({ title, isNumber }) => html`<th role="columnheader" scope="col"${isNumber ? NUMBER : null}>${title}</th>`,
  );
  const body = rows.map(({ head, cells }) => {
    const others = cells.map((cell, index) => {
      const column = columns[index];
      return html`<td role="cell"
        data-title="${column?.title ?? ""}"${column?.isNumber ? NUMBER : null}><span>${cell}</span></td>`;
    });
    return html`<tr role="row"><th role="rowheader" scope="row">${head}</th>${others}</tr>
`;
  });
  return html`<table role="table"><thead role="rowgroup"><tr role="row"><th role="columnheader"
    scope="col">${first}</th>${head}</tr></thead>
<tbody role="rowgroup">
${body}</tbody></table>
`;
}

const NUMBER = html` class="number"`;
const NAME_CHARACTERS = 120;
const TEXT_CHARACTERS = 400;

/** A row's head: a name, and in small print what it is and what is to be known about it. Long texts are whole in the page's JSON. */
export function headOf(name: string, what: string | null = null, notes: readonly string[] = []): Markup {
  const small = what === null || what === name ? null : html`<small>${named(shortened(what, TEXT_CHARACTERS))}</small>`;
  const warned = notes.map((note) => html`<small class="warn">${note}</small>`);
  return html`<span>${named(shortened(name, NAME_CHARACTERS))}</span>${small}${warned}`;
}

/** Who was acknowledged and who arrived, the same for every part that counts events by id. */
export const COUNTED = ["acknowledged", "arrived", "missing", "foreign", "refused"] as const;

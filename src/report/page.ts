// A report as one HTML page to send round: it holds everything it needs, runs nothing and asks nobody. What matters comes first:
// one sentence, then what to doubt, then a section for each part that was measured. The report itself is in it as JSON.
import { html, jsonForScript, type Markup, named, shortened } from "./markup.ts";
import { claudeSection } from "./page-claude.ts";
import { deliverySection, drainSection } from "./page-flow.ts";
import { hookSection } from "./page-hook.ts";
import { loadSection } from "./page-load.ts";
import { dateText, machineSection } from "./page-machine.ts";
import { type Section, sectionOf } from "./page-section.ts";
import { soakSection } from "./page-soak.ts";
import { STYLE } from "./page-style.ts";
import type { Report } from "./shape.ts";

/** What a browser lets this page do: use its own style, and nothing else. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const NAME_CHARACTERS = 80;
const DOUBT_CHARACTERS = 300;

/** The whole page. Its report can be read out of `<script type="application/json" id="report">` again. */
export function pageOf(report: Report): string {
  const sections = sectionsOf(report);
  const name = shortened(report.machine.name, NAME_CHARACTERS);
  const date = dateText(report.startedAt);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>offhook bench: ${name}, ${date}</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
<main>
<header><h1>offhook bench: ${named(name)}</h1>
<p class="about">${date} · offhook ${named(shortened(report.offhook, NAME_CHARACTERS))} ·
  ${named(shortened(report.machine.platform, NAME_CHARACTERS))}</p>
<p class="lead">${sections[0]?.lead ?? "Nothing was measured."}</p>
${doubtsOf(report, sections)}${contentsOf(sections)}</header>
${sections.map((section, index) => sectionOf(section, index === 0))}${machineSection(report)}
</main>
<script type="application/json" id="report">${jsonForScript(report)}</script>
</body>
</html>
`.markup;
}

function sectionsOf({ hook, publishers, delivery, drain, soak, claude }: Report): Section[] {
  const sections = [
    hook && hookSection(hook),
    publishers && loadSection(publishers),
    delivery && deliverySection(delivery),
    drain && drainSection(drain),
    soak && soakSection(soak),
    claude && claudeSection(claude),
  ];
  return sections.filter((section) => section !== null);
}

/** What keeps the figures from being trusted, before any of them is looked at. */
function doubtsOf({ load, isQuick }: Report, sections: readonly Section[]): Markup | null {
  const quick = isQuick ? ["a quick run: fewer runs, rougher figures"] : [];
  const doubts = [...sections.flatMap(({ alarms }) => alarms), ...load.doubts, ...quick];
  if (doubts.length === 0) return null;
  return html`<div class="doubts" role="note"><b>Read these figures with
    care</b><ul>${doubts.map((doubt) => html`<li>${wholeFigures(shortened(doubt, DOUBT_CHARACTERS))}</li>`)}</ul></div>
`;
}

/** A number stays on one line with its unit. */
function wholeFigures(text: string): Markup {
  const pieces = text.split(/(\d[\d.,]* (?:%|ms)(?!\w))/);
  return html`${pieces.map((piece, index) => (index % 2 === 0 ? html`${piece}` : html`<span class="figure">${piece}</span>`))}`;
}

function contentsOf(sections: readonly Section[]): Markup {
  const links = sections.map(({ part, short }) => html`<a href="#${part}">${short}</a>`);
  return html`<nav aria-label="Parts">${links}<a href="#machine">The machine</a></nav>`;
}

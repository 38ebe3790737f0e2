// The end of the page: what else the machine did, what it is, and how figures are made. Pure.
import { html, type Markup, named, shortened } from "./markup.ts";
import { figure, numberText, plainText } from "./page-figures.ts";
import { timeAxis } from "./page-soak.ts";
import { type Line, panelOf } from "./plot-panel.ts";
import { linearScale } from "./scale.ts";
import type { Report } from "./shape.ts";

const TEXT_CHARACTERS = 200;

/** What else ran, the machine and the versions, and what the words mean. */
export function machineSection(report: Report): Markup {
  return html`<section id="machine" aria-labelledby="machine-title"><h2 id="machine-title">The machine</h2>
<p class="lead">${loadSentence(report)}</p>
${loadPlot(report)}${factsOf(report)}</section>
<section id="measured" aria-labelledby="measured-title"><h2 id="measured-title">How figures are made</h2>
<ul class="notes"><li>p50, p90, p99: the smallest time that 50, 90 or 99 of 100 runs do not exceed. The median is
  p50.</li>
<li>In brackets behind a ratio or a difference: where 95 of 100 resamplings of the runs put the figure (bootstrap,
  percentile method).</li>
<li>Bars of runs stand in equal steps along the axis; in each row the tallest bar is equally tall.</li>
<li>Events are counted by id from both sides: what publish acknowledged, and what was found. Missing: acknowledged and
  not found. Foreign: found and never published, or found twice.</li>
<li>Everything ran in a scratch home. The page carries all runs as JSON (<code>script#report</code>); it loads
  nothing.</li></ul></section>
`;
}

function loadSentence({ load }: Report): Markup {
  const share = (path: string, value: number | null) => figure(path, value, { times: 100, text: plainText });
  if (load.others === null) {
    return html`This system does not tell what other programs took. The load average before was
      ${figure("load.before", load.before, { text: plainText })}.`;
  }
  const stolen =
    load.stolen === null ? null : html`, and the host of a virtual machine took ${share("load.stolen", load.stolen)} %`;
  return html`While it was measured, other programs took <b>${share("load.others", load.others)} %</b> of the
    processor${stolen}. The load average before was ${figure("load.before", load.before, { text: plainText })}.`;
}

/** The share of other programs over the run, in percent of all cores. */
function loadPlot({ load }: Report): Markup | null {
  const last = load.samples.at(-1);
  const told = load.samples.flatMap(({ others }) => (others === null ? [] : [others * 100]));
  if (last === undefined || told.length < 2) return null;
  const { unitMs, name, scale } = timeAxis(last.atMs);
  const line: Line = {
    series: 2,
    pathOf: (at) => `load.samples.${at}.others`,
    points: load.samples.map(({ atMs, others }) => ({ x: atMs / unitMs, y: others === null ? null : others * 100 })),
  };
  const panel = panelOf({
    id: "load-of-others",
    title: "Other programs",
    unit: "% of all cores",
    lines: [line],
    x: scale,
    y: linearScale([10, ...told], 2),
    xUnit: name,
    heightPx: 84,
    hasMarks: false,
  });
  return html`<div class="over-time" data-unit-ms="${unitMs}" data-times="100">${panel}</div>`;
}

function factsOf(report: Report): Markup {
  const { machine, load } = report;
  const facts: [string, Markup][] = [
    ["machine", text(machine.name)],
    ["system", html`${text(machine.system)}, ${text(machine.platform)}`],
    [
      "processor",
      html`${machine.cpu === null ? "not told" : text(machine.cpu)},
        ${figure("machine.cores", machine.cores, { text: plainText })} core${machine.cores === 1 ? "" : "s"}`,
    ],
    ["memory", html`${figure("machine.memoryBytes", machine.memoryBytes, { times: 1 / 2 ** 30 })} GiB`],
    [
      "scratch files",
      html`${machine.disk === null ? "not told" : text(machine.disk)}${machine.isRealDisk ? null : " (in memory: fsync costs nothing)"}`,
    ],
    [
      "busy",
      load.busy === null
        ? html`not told`
        : html`${figure("load.busy", load.busy, { times: 100, text: plainText })} % of the processor, the measuring
          included`,
    ],
    ["offhook", html`${text(report.offhook)}, Bun ${text(report.bun)}`],
    [
      "measured",
      html`${text(dateText(report.startedAt))}, for
        ${figure("tookMs", report.tookMs, { times: 0.001, text: numberText })} s${report.isQuick ? ", quick" : null}`,
    ],
  ];
  return html`<dl>${facts.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>
`,
  )}</dl>`;
}

function text(value: string): Markup {
  return named(shortened(value, TEXT_CHARACTERS));
}

/** "14 October 2026, 09:12 UTC"; what is no date is shown as it is. */
export function dateText(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return shortened(iso, TEXT_CHARACTERS);
  const day = at.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
  return `${day}, ${at.toISOString().slice(11, 16)} UTC`;
}

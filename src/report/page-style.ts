// How the page looks: one text of CSS, light and dark by what the reader's system wants, on a phone, on a desk and on paper. No
// font and nothing else from outside. The layout changes at 900 px; plot-rows.ts and plot-panel.ts know how narrow plots get.

/**
 * Colours of what is drawn: Okabe and Ito's, which people with any kind of colour blindness tell apart (B. Wong, "Points of view:
 * Color blindness", Nature Methods 8, 2011, page 441): blue, vermillion, bluish green and reddish purple on white; sky blue,
 * orange, bluish green and reddish purple on black. Text has at least 4.5 : 1 to what is behind it (WCAG 2.2, 1.4.3).
 */
const LIGHT = `--paper:#fff;--raised:#f5f6f7;--ink:#1b1f24;--quiet:#596069;--rule:#dde1e5;--grid:#e9ecef;
--c1:#0072b2;--c2:#d55e00;--c3:#009e73;--c4:#cc79a7;--grey:#7b838b;--warn-paper:#fff4e0;--warn-ink:#7a3d00;--warn-rule:#d98a1f;`;
const DARK = `--paper:#121518;--raised:#1b1f23;--ink:#e6e9ec;--quiet:#a2abb4;--rule:#31373d;--grid:#252a2f;
--c1:#56b4e9;--c2:#e69f00;--c3:#009e73;--c4:#cc79a7;--grey:#8d969f;--warn-paper:#33260f;--warn-ink:#ffd596;--warn-rule:#b57a1d;`;

const TEXT = `
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1100px;margin:0 auto;padding:28px 16px 40px}
h1,h2,h3,p,figure,ul,dl,dd{margin:0;padding:0}
h1{font-size:26px;line-height:1.2;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:20px;line-height:1.3;font-weight:650;letter-spacing:-.005em}
p,li,dd,dt,th,td,.name,small{overflow-wrap:anywhere}
b{font-weight:650}
.about,.how,.unit,small,.range,.key{color:var(--quiet)}
.about{font-size:14px;margin-top:6px}
.lead{font-size:17px;line-height:1.55;margin-top:10px;max-width:46em}
header .lead{font-size:19px;margin-top:18px}
.how{font-size:14px;margin-top:6px;max-width:54em}
section{margin-top:40px;padding-top:24px;border-top:1px solid var(--rule)}
nav{margin-top:20px;font-size:14px;display:flex;flex-wrap:wrap;gap:4px 18px}
a{color:inherit;text-decoration-color:var(--grey);text-underline-offset:3px}
a:hover,a:focus-visible{text-decoration-color:currentColor}
.figure{font-variant-numeric:tabular-nums;white-space:nowrap}
.doubts{margin-top:20px;padding:12px 16px;background:var(--warn-paper);color:var(--warn-ink);border-left:4px solid var(--warn-rule);border-radius:2px}
.doubts ul{padding-left:20px}
.doubts li::first-letter{text-transform:uppercase}
.warn{color:var(--warn-ink);background:var(--warn-paper);padding:0 4px;border-radius:2px;justify-self:start;width:fit-content}
.none{color:var(--quiet)}
`;

const PLOTS = `
figure{margin-top:22px}
figcaption{font-size:14px;margin-bottom:6px;display:flex;flex-wrap:wrap;align-items:baseline;gap:0 8px}
figcaption .key{width:100%}
.unit,.key{font-size:13px}
.key{display:flex;flex-wrap:wrap;gap:2px 16px}
.key>span{display:inline-flex;align-items:center;gap:6px}
svg{display:block;overflow:visible}
svg svg{display:inline}
svg text{font-size:11px;fill:var(--quiet);font-variant-numeric:tabular-nums}
.strip,.area{width:100%;min-width:0}
.row{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:0 12px;padding-top:6px}
.row .strip{order:1;flex:0 0 100%}
.name{max-width:100%}
.figures{margin-left:auto}
.axis{padding:0}
.axis>div{display:none}
.name{font-size:14px;line-height:1.35}
.figures{font-size:14px;text-align:right}
.figures small{font-size:12px;white-space:nowrap}
.ours{--c:var(--c1)}.control{--c:var(--grey)}.other{--c:var(--c2)}
.s1{--c:var(--c1)}.s2{--c:var(--c2)}.s3{--c:var(--c3)}.s4{--c:var(--c4)}
.grid{stroke:var(--grid)}
.tick{stroke:var(--grey)}
.bar{fill:var(--c);fill-opacity:.75;shape-rendering:crispEdges}
.long{fill:var(--c);stroke:var(--c)}
.extent{stroke:var(--c);stroke-width:1}
.median{stroke:var(--ink);stroke-width:1.25;fill:none}
.median-top{fill:var(--ink)}
.p90,.p99{stroke:var(--ink);stroke-width:1.25;fill:none}
.slowest{fill:var(--paper);stroke:var(--ink);stroke-width:1.25}
.reference{stroke:var(--grey);stroke-dasharray:3 3}
.whisker{stroke:var(--c);stroke-width:1.5;fill:none}
.dot,.mark{fill:var(--c);stroke:var(--paper);stroke-width:1}
.line{fill:none;stroke:var(--c);stroke-width:1.75;stroke-linejoin:round;stroke-linecap:round;vector-effect:non-scaling-stroke}
.lone{stroke-width:4}
.drawing{display:grid;grid-template-columns:46px minmax(0,1fr)}
.level{text-align:center;padding-left:46px}
.above{margin-top:20px}
.panels{display:grid;grid-template-columns:minmax(0,1fr);gap:0 32px}
.over-time figure{margin-top:12px}
.desk{display:none}
`;

const TABLES = `
table{display:block;margin-top:22px;font-size:14px}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tbody{display:block}
tr{display:flex;flex-wrap:wrap;gap:6px 12px;padding:10px 0;border-top:1px solid var(--rule)}
tr>th{flex:0 0 100%;padding:0;text-align:left;font-weight:600}
th>span,th>small{display:block}
th>small{font-weight:400;font-size:13px;margin-top:2px}
td{padding:0;min-width:44px}
td::before{content:attr(data-title);display:block;color:var(--quiet);font-size:12px}
dl{display:grid;grid-template-columns:minmax(0,1fr);gap:8px 32px;margin-top:16px;font-size:14px}
dl>div{display:grid;grid-template-columns:104px minmax(0,1fr);gap:12px}
dt{color:var(--quiet)}
.notes{font-size:14px;padding-left:20px;margin-top:16px;max-width:60em}
.notes li{margin-top:4px}
`;

const DESK = `
main{padding:48px 32px 64px}
h1{font-size:34px}
h2{font-size:23px}
header .lead{font-size:21px}
section{margin-top:52px;padding-top:32px}
.row{display:grid;grid-template-columns:200px minmax(0,1fr) 190px;gap:0 20px;align-items:center;padding:0}
.row .strip{order:0}
.axis>div{display:block}
.figures{text-align:left;margin:0;line-height:1.35}
.figures b{display:inline-block;min-width:84px}
.runs .figures b{display:block}
figcaption .key{width:auto;margin-left:auto}
.phone{display:none}
.desk{display:inline}
.three{grid-template-columns:repeat(3,minmax(0,1fr))}
table{display:table;width:100%;border-collapse:collapse}
thead{position:static;display:table-header-group;width:auto;height:auto;overflow:visible;clip-path:none}
tbody{display:table-row-group}
tr{display:table-row}
tr>th,td{padding:8px 0 8px 20px;text-align:left;vertical-align:baseline;border-top:1px solid var(--rule)}
thead th{white-space:nowrap;border-top:0;color:var(--quiet);font-weight:400;font-size:13px;vertical-align:bottom;overflow-wrap:normal}
tr>th:first-child{padding-left:0}
.number{text-align:right;white-space:nowrap}
td::before{content:none}
dl{grid-template-columns:repeat(2,minmax(0,1fr))}
`;

const PAPER = `
main{max-width:none;padding:0;zoom:.76}
figure,tr,p,.doubts,.row,dl>div{break-inside:avoid}
h2,.lead,.how,figcaption{break-after:avoid}
section{margin-top:24px;padding-top:16px}
nav{display:none}
.warn,.doubts{background:none}
`;

/** The whole style sheet. Paper is always light, and as a desk seen from a little further away: A4 is some 720 px wide. */
export const STYLE = `:root{color-scheme:light dark;${LIGHT}}
@media screen and (prefers-color-scheme:dark){:root{${DARK}}}
${TEXT}${PLOTS}${TABLES}
@media (min-width:900px),print{${DESK}}
@media print{:root{color-scheme:light}${PAPER}}
`;

// Pages of reports in a real Chromium, served on loopback so that whatever a page asks for is seen: opening one, and all that can
// be wrong with it on a screen. The browser and the server begin with the first page, and end by `endPages`.
import { expect } from "bun:test";
import { pageOf } from "../src/report/page.ts";
import type { Report } from "../src/report/shape.ts";
import { type Browser, type Page, type Screen, startChromium } from "./chromium.ts";
import { colourTroubles, factsOf, figureTroubles, plotTroubles, textTroubles } from "./page-facts.ts";

const PHONE = { width: 360, height: 800 };
const DESK = { width: 1200, height: 900 };
/** The sizes that are promised, in both schemes. */
export const SCREENS: Screen[] = [PHONE, DESK].flatMap((size) =>
  (["light", "dark"] as const).map((scheme) => ({ ...size, scheme })),
);

type Opened = { server: ReturnType<typeof Bun.serve>; browser: Browser };

const pages = new Map<string, string>();
const asked: string[] = [];
let opened: Promise<Opened> | null = null;

/** Ends the browser and the server; the last thing that each test file does. */
export async function endPages(): Promise<void> {
  const { server, browser } = (await opened) ?? {};
  opened = null;
  await browser?.end();
  await server?.stop(true);
}

async function begin(): Promise<Opened> {
  const browser = await startChromium();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      const text = pages.get(pathname);
      if (text === undefined) return new Response("", { status: 404 });
      return new Response(text, { headers: { "content-type": "text/html; charset=utf-8" } });
    },
  });
  return { server, browser };
}

/** Opens a text as a page. */
export async function openText(text: string): Promise<Page> {
  opened ??= begin();
  const { server, browser } = await opened;
  const path = `/${pages.size}`;
  pages.set(path, text);
  return await browser.open(new URL(path, server.url).href);
}

/** Opens a report's page, hands it to `look`, and sees that it asked for nothing else and that nobody complained. */
export async function withPage(report: Report, look: (page: Page) => Promise<void>): Promise<void> {
  const page = await openText(pageOf(report));
  await look(page);
  expect({ said: page.said, requests: page.requests }).toEqual({ said: [], requests: [] });
  expect(asked.filter((other) => !pages.has(other))).toEqual([]);
  await page.close();
}

/** All that can be wrong on one screen, with the screen before it. */
export async function troublesOn(page: Page, screen: Screen): Promise<string[]> {
  await page.show(screen);
  const facts = await factsOf(page);
  const troubles = [...textTroubles(facts), ...colourTroubles(facts), ...figureTroubles(facts)].concat(
    facts.plots.flatMap((plot) => plotTroubles(plot, facts.json)),
  );
  return troubles.map((trouble) => `${screen.width} ${screen.scheme}: ${trouble}`);
}

// Plays a game of the clock row: the world of world.ts moves by steady time, from one thing that happens to the next, and whatever
// begins or ends is written down by both clocks.
import { Database } from "bun:sqlite";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Event } from "../../src/event/event.ts";
import type { Stream } from "../../src/stream/stream.ts";
import type { Game } from "./clock-steps.ts";
import { makeWorld, type Underway } from "./world.ts";

/** A moment: by the clock that nobody sets (from 0), and by the wall's. */
export type Moment = { steadyMs: number; wallMs: number };

export type Published = Moment & { name: string; key: string; seq: number };
/** `end` is null where it was cut off. */
export type Ran = {
  consumer: string;
  deliveryId: string;
  attempt: number;
  begin: Moment;
  end: Moment | null;
  isOk: boolean;
};
export type Step = Moment & { what: string; byMs: number };
export type SkippedRow = { consumer: string; seq: number; reason: string; atMs: number };
export type DeliveryRow = {
  id: string;
  consumer: string;
  key: string;
  state: string;
  reason: string | null;
  counted: number;
  seqs: number[];
};

export type Played = {
  published: Published[];
  runs: Ran[];
  steps: Step[];
  crashes: Moment[];
  skips: SkippedRow[];
  deliveries: DeliveryRow[];
  /** When nothing was left to do; null: something still was, after the longest time that it may take. */
  settledMs: number | null;
};

/** Long enough for every rule and every wait of a game, several times over. */
const LONGEST_MS = 1_800_000;
/** Happenings at one moment of steady time; more are a storm. */
const MOST_AT_ONCE = 500;
const LOOK_EVERY_MS = 5000;

/** Plays it to its end in a new directory below `place`. `around`: a ledger that is wrong on purpose. Throws for a storm. */
export async function play(
  { startMs, consumers, deeds, fails, dice }: Game,
  place: string,
  around: (stream: Stream) => Stream = (stream) => stream,
): Promise<Played> {
  const directory = join(place, "clock-world");
  mkdirSync(directory, { mode: 0o700 });
  const played: Played = {
    published: [],
    runs: [],
    steps: [],
    crashes: [],
    skips: [],
    deliveries: [],
    settledMs: null,
  };
  let steadyMs = 0;
  const known = new Map<number, { ran: Ran; underway: Underway; endsAtMs: number }>();
  const world = makeWorld({
    directory,
    dice: dice.fork("world"),
    startMs,
    workers: 16,
    consumers,
    around,
    onEnd(underway, result, isCutOff) {
      const one = known.get(underway.number);
      if (one === undefined) return;
      known.delete(underway.number);
      one.ran.end = isCutOff ? null : now();
      one.ran.isOk = result.outcome === "ok";
    },
  });
  const now = (): Moment => ({ steadyMs, wallMs: world.clock.now() });

  /** Whatever began since the last look, and how it will end. */
  const note = () => {
    for (const underway of world.underway()) {
      if (known.has(underway.number) || underway.plan.kind !== "command") continue;
      const { OFFHOOK_CONSUMER: consumer = "" } = underway.plan.env;
      const { deliveryId, attempt } = underway;
      const ran: Ran = { consumer, deliveryId, attempt, begin: now(), end: null, isOk: false };
      played.runs.push(ran);
      known.set(underway.number, { ran, underway, endsAtMs: steadyMs + dice.between(5, 400) });
    }
  };

  const finishDue = () => {
    for (const { ran, underway, endsAtMs } of [...known.values()]) {
      if (endsAtMs > steadyMs) continue;
      const name =
        underway.plan.kind === "command"
          ? (/"subject":"[^"]*","datacontenttype".*?"name":"([^"]+)"/.exec(underway.plan.stdin)?.[1] ?? "")
          : "";
      const failsSo = ran.consumer === "backoff" ? (fails.get(name) ?? 0) : 0;
      underway.finish(ran.attempt <= failsSo ? { outcome: "failed", exitCode: 1 } : { outcome: "ok", exitCode: 0 });
    }
  };

  const passUntil = async (untilMs: number) => {
    for (let atOnce = 0, at = steadyMs; ; ) {
      await world.rest();
      note();
      finishDue();
      await world.rest();
      note();
      const ends = [...known.values()].map((one) => one.endsAtMs - steadyMs);
      const nextMs = Math.min(untilMs - steadyMs, world.clock.nextInMs() ?? Number.POSITIVE_INFINITY, ...ends);
      if (steadyMs >= untilMs && nextMs > 0) return;
      if (nextMs <= 0 && steadyMs >= untilMs && (world.clock.nextInMs() ?? 1) > 0 && Math.min(1, ...ends) > 0) return;
      await world.pass(Math.max(0, nextMs));
      steadyMs += Math.max(0, nextMs);
      atOnce = steadyMs === at ? atOnce + 1 : 0;
      at = steadyMs;
      if (atOnce > MOST_AT_ONCE)
        throw new Error(`a storm: ${MOST_AT_ONCE} times at ${steadyMs} ms, nothing comes to rest`);
    }
  };

  try {
    for (const deed of deeds) {
      await passUntil(deed.atMs);
      switch (deed.kind) {
        case "publish": {
          const { name, key } = deed;
          world.publish([eventOf(name, key, played.published.length, world.clock.now())]);
          played.published.push({ name, key, seq: world.stream().lastSeq(), ...now() });
          break;
        }
        case "step": {
          const byMs = deed.byMs ?? (deed.toMs ?? 0) - world.clock.now();
          played.steps.push({ what: deed.what, byMs, ...now() });
          world.clock.step(byMs);
          break;
        }
        case "crash":
          note();
          known.clear();
          played.crashes.push(now());
          await world.crash();
          break;
        default:
          deed satisfies never;
      }
    }
    for (let left = true; left && steadyMs < LONGEST_MS; ) {
      await passUntil(steadyMs + LOOK_EVERY_MS);
      left = leftIn(world.path());
      if (!left) played.settledMs = steadyMs;
    }
    Object.assign(played, rowsOf(world.path()));
  } finally {
    world.close();
    rmSync(directory, { recursive: true, force: true });
  }
  return played;
}

function eventOf(name: string, key: string, number: number, timeMs: number): Event {
  return {
    id: `00000000-0000-7000-9000-${String(number).padStart(12, "0")}`,
    source: "/n1/program",
    type: "edit",
    timeMs,
    subject: `/home/ann/shop/${key}`,
    node: "n1",
    sessionId: null,
    agentId: null,
    tool: null,
    toolUseId: null,
    project: null,
    depth: 0,
    duplicateOf: null,
    contentType: "application/json",
    data: JSON.stringify({ name }),
  };
}

function leftIn(path: string): boolean {
  const db = new Database(path, { readonly: true });
  const { left } = db
    .query(`SELECT (SELECT count(*) FROM deliveries WHERE settled_ms IS NULL)
      + (SELECT count(*) FROM groups WHERE cursor < (SELECT max(seq) FROM events)) AS left`)
    .get() as { left: number };
  db.close();
  return left > 0;
}

function rowsOf(path: string): Pick<Played, "skips" | "deliveries"> {
  const db = new Database(path, { readonly: true });
  const skips = db.query("SELECT consumer, seq, reason, at_ms AS atMs FROM skips").all() as SkippedRow[];
  const rows = db
    .query(`
    SELECT id, consumer, key, state, reason, counted,
      (SELECT group_concat(seq) FROM delivery_events WHERE delivery = ordinal) AS seqs
    FROM deliveries ORDER BY ordinal`)
    .all() as (Omit<DeliveryRow, "seqs"> & { seqs: string })[];
  db.close();
  return { skips, deliveries: rows.map((row) => ({ ...row, seqs: row.seqs.split(",").map(Number) })) };
}

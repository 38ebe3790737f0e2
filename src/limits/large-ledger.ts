// What a ledger of a million events costs beside one of ten thousand: looking as people look, and a delivery.
//
// 1. Both ledgers are written in this process, with small events and every tenth of them delivered; once for all tries.
// 2. A daemon on each. The looks are whole processes in turns, one of each ledger.
// 3. A delivery: so many events come through the spool, in turns, and what that takes of the daemon's processor time until all are
//    settled by a builtin of kind none is divided by their number. The median of the turns counts.
import { EXIT, OffhookError } from "../errors.ts";
import type { Event } from "../event/event.ts";
import { writeBacklog } from "../measure/backlog.ts";
import { type Daemon, startDaemon } from "../measure/daemon.ts";
import { fillLedger, lookIntoLedger } from "../measure/ledgers.ts";
import { race, shuffled } from "../measure/measure.ts";
import { payloadsOf } from "../measure/payload.ts";
import type { ProcessorClock } from "../measure/processor-clock.ts";
import type { Scratch } from "../measure/scratch.ts";
import { percentile } from "../report/statistics.ts";
import type { Compared, Comparison } from "./comparison.ts";

export type LargePlan = { small: number; large: number; rounds: number; turns: number; events: number };

export const LARGE: LargePlan = { small: 10_007, large: 1_000_003, rounds: 19, turns: 3, events: 501 };
export const NOT_SO_LARGE: LargePlan = { small: 10_007, large: 100_003, rounds: 7, turns: 3, events: 501 };

const LOOKS = [
  ["status", "--json"],
  ["events", "--limit", "20", "--json"],
  ["deliveries", "--limit", "20", "--json"],
];
const AIM = { kind: "times", even: 1, most: 1.5 } as const;
const CONSUMER = "none";
const CONSUMER_FILE = 'on = ["PostToolUse"]\nbuiltin = "none"\n';
/** As many as the cache of SQLite holds (2 MB): larger ones are slower. */
const BATCH = 2_003;
const DELIVERED_ONE_OF = 10;
const SIZE_BYTES = 997;
const RACE_LIMIT_MS = 15_000;
const SETTLE_LIMIT_MS = 30_000;
const CALM_MS = 50;

type Homes = { small: string; large: string };

/** Makes the homes that `measureLarge` compares. */
export function makeLarge(plan: LargePlan, scratch: Scratch): Homes {
  const make = (events: number) => {
    const home = scratch.makeHome({ [CONSUMER]: CONSUMER_FILE });
    const batches = batchesOf(events, Date.now() - events);
    fillLedger(home, { groups: [CONSUMER], arePaused: false, batches, deliveredOneOf: DELIVERED_ONE_OF });
    return home;
  };
  return { small: make(plan.small), large: make(plan.large) };
}

/** Measures it; `clock` is null where the system does not tell. Errors: a command or daemon that fails (1). */
export async function measureLarge(
  plan: LargePlan,
  homes: Homes,
  offhook: string,
  scratch: Scratch,
  recorded: string,
  clock: ProcessorClock | null,
): Promise<Compared> {
  const daemons = [homes.small, homes.large].map((home) => startDaemon(offhook, home, scratch));
  try {
    for (const daemon of daemons) await daemon.ready();
    const rows: Comparison[] = [];
    for (const look of LOOKS) {
      const lanes = await race({
        contestants: [homes.small, homes.large].map((home) => {
          return { name: home, argv: [offhook, ...look], env: scratch.envOf(home) };
        }),
        stdin: new Uint8Array(),
        rounds: plan.rounds,
        warmUpRounds: 3,
        concurrency: 1,
        limitMs: RACE_LIMIT_MS,
        afterTurn: () => undefined,
      });
      const [base, measured] = lanes.map(({ timesMs }) => percentile(timesMs, 50));
      rows.push({ figure: look.join(" "), base: base ?? Number.NaN, measured: measured ?? null, unit: "ms", aim: AIM });
    }
    const costs = clock === null ? null : await deliver(plan, homes, daemons, recorded, clock);
    rows.push({
      figure: "a delivery, processor time",
      base: costs?.[0] ?? Number.NaN,
      measured: costs?.[1] ?? null,
      unit: "ms",
      aim: AIM,
    });
    const [small, large] = [plan.small, plan.large].map((events) => events.toLocaleString("en"));
    return {
      name: "large",
      title: "in a ledger of many events",
      baseName: small ?? "",
      measuredName: large ?? "",
      rows,
    };
  } finally {
    for (const daemon of daemons) await daemon.stop();
  }
}

/** Processor time of one delivery in each home, in ms. */
async function deliver(
  plan: LargePlan,
  homes: Homes,
  daemons: readonly Daemon[],
  recorded: string,
  clock: ProcessorClock,
): Promise<number[]> {
  const payloads = payloadsOf(recorded, SIZE_BYTES);
  const places = [homes.small, homes.large].map((home) => ({
    home,
    look: lookIntoLedger(home),
    costs: [] as number[],
  }));
  for (let turn = 0; turn <= plan.turns; turn++) {
    for (const index of shuffled(places.length)) {
      const [place, daemon] = [places[index], daemons[index]];
      if (place === undefined || daemon === undefined) continue;
      const wanted = place.look.settled() + plan.events;
      const beforeMs = clock(daemon.pid);
      writeBacklog(place.home, plan.events, (number) => payloads(turn * plan.events + number));
      if (!(await daemon.within(SETTLE_LIMIT_MS, 5, () => place.look.settled() >= wanted)))
        throw new OffhookError(
          EXIT.failed,
          `${plan.events} events were not settled within ${SETTLE_LIMIT_MS / 1000} s`,
        );
      await Bun.sleep(CALM_MS);
      // The first one warms up.
      if (turn > 0) place.costs.push((clock(daemon.pid) - beforeMs) / plan.events);
    }
  }
  for (const { look } of places) look.close();
  return places.map(({ costs }) => percentile(costs, 50));
}

/** Events as hooks send them, one a millisecond, with little in them. */
function* batchesOf(events: number, beganMs: number): Generator<Event[]> {
  for (let from = 0; from < events; from += BATCH) {
    const size = Math.min(BATCH, events - from);
    yield Array.from({ length: size }, (_, index) => eventOf(from + index, beganMs + from + index));
  }
}

function eventOf(number: number, timeMs: number): Event {
  const toolUseId = `toolu_${String(number).padStart(20, "0")}`;
  return {
    id: Bun.randomUUIDv7("hex", timeMs),
    source: "/bench/claude-code",
    type: "claude-code.PostToolUse",
    timeMs,
    subject: `/home/dev/shop/src/part-${number % 997}.py`,
    node: "bench",
    sessionId: `session-${Math.floor(number / 1_999)}`,
    agentId: null,
    tool: "Write",
    toolUseId,
    project: "/home/dev/shop",
    depth: 0,
    duplicateOf: null,
    contentType: "application/json",
    data: JSON.stringify({ hook_event_name: "PostToolUse", tool_name: "Write", tool_use_id: toolUseId }),
  };
}

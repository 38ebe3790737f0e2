// What a group makes of events: the rules of flow, as functions of state and time.
import { describe, expect, test } from "bun:test";
import type { Consumer } from "../src/config/schema.ts";
import { cooldownOf, decide, rateWaitMs, startSkip } from "../src/dispatch/flow.ts";
import { HOLD_LIMITS } from "../src/dispatch/holds.ts";
import type { StoredEvent } from "../src/event/event.ts";
import type { Hold } from "../src/stream/stream.ts";
import { consumerWith, storedEvent } from "./fixtures/delivery.ts";

const NOW = Date.parse("2026-11-20T12:00:00.000Z");
const lint = (over: Partial<Consumer>) => consumerWith({ kind: "run", argv: ["ruff", "{file}"] }, over);

let seq = 0;
const at = (timeMs: number, subject = "/p/a.py", over: Partial<StoredEvent> = {}) =>
  storedEvent({ seq: ++seq, id: Bun.randomUUIDv7(), timeMs, subject, ...over });

type State = { nowMs?: number; accepted?: Record<string, number>; holds?: Record<string, Hold> };

function decided(consumer: Consumer, events: StoredEvent[], { nowMs = NOW, accepted = {}, holds = {} }: State = {}) {
  const around = { nowMs, isOff: false, silencingOf: () => null };
  const memory = { acceptedMs: (key: string) => accepted[key] ?? null, hold: (key: string) => holds[key] ?? null };
  return decide(consumer, () => true, 0, events, around, memory);
}

describe("dedup", () => {
  const reasons = (events: StoredEvent[], state?: State, dedupMs = 1000) =>
    decided(lint({ dedupMs }), events, state).skips.map((skip) => skip.reason);

  test("two events 20 ms apart on either side of a full second are one", () => {
    const second = Date.parse("2026-11-20T12:00:01.000Z");
    expect(reasons([at(second - 10), at(second + 10)])).toEqual(["duplicate"]);
  });

  test("a duplicate does not extend the window", () => {
    const events = [0, 600, 1200, 1800, 2400].map((ms) => at(NOW + ms));
    expect(decided(lint({ dedupMs: 1000 }), events).deliveries.map((one) => one.seqs[0])).toEqual(
      [events[0], events[2], events[4]].map((event) => event!.seq),
    );
  });

  test("is judged by the events' own time, so that a backlog of an hour is judged as it happened", () => {
    const hour = 3_600_000;
    expect(reasons([at(NOW - hour), at(NOW - hour + 5000)], { nowMs: NOW })).toEqual([]);
  });

  test("knows the last accepted event of a batch before, and tells keys apart", () => {
    expect(reasons([at(NOW), at(NOW, "/p/b.py")], { accepted: { "/p/a.py": NOW - 999 } })).toEqual(["duplicate"]);
    expect(reasons([at(NOW)], { accepted: { "/p/a.py": NOW - 1000 } })).toEqual([]);
  });

  test("an event that comes a little out of order is a duplicate too, one of a clock set back by an hour is not", () => {
    expect(reasons([at(NOW - 5)], { accepted: { "/p/a.py": NOW } })).toEqual(["duplicate"]);
    expect(reasons([at(NOW - 3_600_000)], { accepted: { "/p/a.py": NOW } })).toEqual([]);
  });

  test("what is skipped for another reason leaves no mark", () => {
    const deep = at(NOW, "/p/a.py", { depth: 1 });
    const { skips, accepted } = decided(lint({ dedupMs: 1000 }), [deep, at(NOW + 10)]);
    expect(skips.map((skip) => skip.reason)).toEqual(["depth"]);
    expect(accepted).toEqual([{ key: "/p/a.py", timeMs: NOW + 10 }]);
  });
});

describe("debounce", () => {
  const quiet = lint({ debounce: { quietMs: 1000, maxMs: 30_000 } });

  test("events of one key become one delivery that waits for quiet; keys are apart", () => {
    const { deliveries } = decided(quiet, [at(NOW), at(NOW), at(NOW, "/p/b.py")]);
    expect(deliveries.map(({ key, seqs, hold }) => [key, seqs.length, hold?.dueMs])).toEqual([
      ["/p/a.py", 2, NOW + 1000],
      ["/p/b.py", 1, NOW + 1000],
    ]);
  });

  test("what comes later joins the held one and makes it wait again, but never beyond max", () => {
    const hold = { deliveryId: "d_1", events: 3, fileBytes: 24, dataBytes: 30 };
    const join = (openedMs: number) =>
      decided(quiet, [at(NOW)], { holds: { "/p/a.py": { ...hold, openedMs } } }).joins[0];
    expect(join(NOW - 5000)).toMatchObject({ deliveryId: "d_1", dueMs: NOW + 1000, fileBytes: 8 });
    expect(join(NOW - 29_500)?.dueMs).toBe(NOW + 500);
  });

  test("a hold that was opened after now, because the clock was set back, is opened now", () => {
    const hold = { deliveryId: "d_1", openedMs: NOW + 3_600_000, events: 1, fileBytes: 8, dataBytes: 1 };
    expect(decided(quiet, [at(NOW)], { holds: { "/p/a.py": hold } }).joins[0]).toMatchObject({
      openedMs: NOW,
      dueMs: NOW + 1000,
    });
  });

  test("more than a delivery takes is split: the full one is due at once, and no event is in two", () => {
    const events = Array.from({ length: HOLD_LIMITS.events * 2 + 7 }, (_, index) => at(NOW, `/p/${index}.py`));
    const { deliveries } = decided(lint({ key: "{project}", debounce: quiet.debounce }), events);
    expect(deliveries.map((one) => one.seqs.length)).toEqual([1000, 1000, 7]);
    expect(deliveries.map((one) => one.hold?.dueMs)).toEqual([NOW, NOW, NOW + 1000]);
    expect(deliveries.flatMap((one) => one.seqs)).toEqual(events.map((event) => event.seq));
  });

  test("file names and data have a limit too, and one event alone is a delivery however large", () => {
    const byProject = lint({ key: "{project}", debounce: quiet.debounce });
    const long = Array.from({ length: 5 }, (_, index) => at(NOW, `/p/${"x".repeat(40_000)}${index}`));
    expect(decided(byProject, long).deliveries.map((one) => one.seqs.length)).toEqual([3, 2]);
    const large = Array.from({ length: 3 }, () => at(NOW, "/p/a", { data: "x".repeat(9_000_000) }));
    expect(decided(byProject, large).deliveries.map((one) => one.seqs.length)).toEqual([1, 1, 1]);
  });

  test("a full hold of the ledger is due at once and gets no more", () => {
    const hold = { deliveryId: "d_1", openedMs: NOW - 10, events: HOLD_LIMITS.events, fileBytes: 8, dataBytes: 1 };
    const { joins, deliveries } = decided(quiet, [at(NOW)], { holds: { "/p/a.py": hold } });
    expect(joins).toMatchObject([{ deliveryId: "d_1", seqs: [], dueMs: NOW }]);
    expect(deliveries).toMatchObject([{ seqs: [seq] }]);
  });
});

describe("when a delivery begins", () => {
  const around = (over = {}) => ({ nowMs: NOW, isOff: false, silencingOf: () => null, ...over });
  const first = { attempts: 0, replay: false };
  const begun = (consumer: Consumer, endedMs: number | null, delivery = first, circumstances = around()) =>
    startSkip(consumer, delivery, [at(NOW)], circumstances, () => endedMs);

  test("it is skipped while its key cools down, and not a moment longer", () => {
    const alert = lint({ cooldownMs: 5000 });
    expect(begun(alert, NOW - 4999)).toBe("cooldown");
    expect(begun(alert, NOW - 5000)).toBeNull();
    expect(begun(alert, null)).toBeNull();
  });

  test("a retry and a replay are not kept by cooldown or age", () => {
    const alert = lint({ cooldownMs: 5000, maxAgeMs: 1 });
    expect(begun(alert, NOW - 1, { attempts: 1, replay: false })).toBeNull();
    expect(begun(alert, NOW - 1, { attempts: 0, replay: true })).toBeNull();
  });

  test("a clock that was set back does not make it cool down for as long as that lasts", () => {
    expect(begun(lint({ cooldownMs: 5000 }), NOW + 86_400_000)).toBeNull();
  });

  test("it is skipped when all its events are too old by then", () => {
    const consumer = lint({ maxAgeMs: 60_000 });
    const skip = (...agesMs: number[]) =>
      startSkip(
        consumer,
        first,
        agesMs.map((age) => at(NOW - age)),
        around(),
        () => null,
      );
    expect([skip(60_001), skip(60_000), skip(90_000, 10)]).toEqual(["max-age", null, null]);
  });

  test("a project may only lengthen a cooldown, and only where the consumer lets it", () => {
    const longer = { disabled: [], cooldownMs: { lint: 60_000 } };
    const shorter = { disabled: [], cooldownMs: { lint: 1 } };
    const consumer = lint({ cooldownMs: 5000, silenceable: true });
    expect([cooldownOf(consumer, longer), cooldownOf(consumer, shorter), cooldownOf(consumer, null)]).toEqual([
      60_000, 5000, 5000,
    ]);
    expect(cooldownOf({ ...consumer, silenceable: false }, longer)).toBe(5000);
  });
});

describe("silencing and age", () => {
  const skips = (consumer: Consumer, events: StoredEvent[], disabled: string[] | true, isOff = false) =>
    decide(
      consumer,
      () => true,
      0,
      events,
      { nowMs: NOW, isOff, silencingOf: () => ({ disabled, cooldownMs: {} }) },
      { acceptedMs: () => null, hold: () => null },
    ).skips.map((skip) => skip.reason);

  test("a project silences what is silenceable, by name or all, and nothing else", () => {
    expect(skips(lint({}), [at(NOW)], ["lint"])).toEqual(["silenced"]);
    expect(skips(lint({}), [at(NOW)], true)).toEqual(["silenced"]);
    expect(skips(lint({}), [at(NOW)], ["tests"])).toEqual([]);
    expect(skips(lint({ silenceable: false }), [at(NOW)], true)).toEqual([]);
  });

  test("config.toml switches off whatever a file says", () => {
    expect(skips(lint({ silenceable: false }), [at(NOW)], [], true)).toEqual(["disabled"]);
  });

  test("events older than max_age are skipped, not replayed as noise", () => {
    expect(skips(lint({ maxAgeMs: 60_000 }), [at(NOW - 60_001), at(NOW - 60_000)], [])).toEqual(["max-age"]);
  });
});

describe("rate", () => {
  const rate = { count: 3, perMs: 60_000 };

  test("lets at most so many begin within any window, then waits for the oldest to leave it", () => {
    expect(rateWaitMs(rate, { count: 2, oldestMs: NOW - 1000 }, NOW)).toBe(0);
    expect(rateWaitMs(rate, { count: 3, oldestMs: NOW - 1000 }, NOW)).toBe(59_000);
    expect(rateWaitMs(rate, { count: 3, oldestMs: NOW - 60_000 }, NOW)).toBe(0);
  });
});

// Stands between the daemon's core and its ledger: every verb goes on to the ledger, and is then told to the model, which says
// whether it was right to come now, and what follows. It can also end the daemon before the n-th write, as a kill would.
import type { AttemptResult } from "../../src/attempt/outcome.ts";
import type { Event } from "../../src/event/event.ts";
import type { Stream } from "../../src/stream/stream.ts";
import type { LedgerEye } from "./ledger-eye.ts";
import {
  append,
  deliveryOf,
  type Ending,
  groupOf,
  type Model,
  type ModelDelivery,
  type ModelGroup,
  skip,
} from "./model.ts";
import { modelEventOf } from "./model-events.ts";
import { followPrune, makeLearner } from "./model-learner.ts";
import { decideEvent, endAttempt, heldUpBy, isInside, isStartable, startSkip, startsWithin } from "./model-rules.ts";
import type { Unwatched } from "./model-unwatched.ts";
import * as verbs from "./model-verbs.ts";
import type { Underway } from "./world.ts";

/** How a kill is played: the ledger throws it at the daemon instead of writing, and ever after. */
export class Killed extends Error {}

export type Watch = {
  /** The ledger of one daemon's life, watched. */
  around(stream: Stream): Stream;
  /** To be called when an attempt ends, before the daemon hears of it. */
  onEnd(underway: Underway, result: AttemptResult, isCutOff: boolean): void;
  /** Kills the daemon before one of its next writes: before the first with 0. */
  killAfter(writes: number): void;
  /** Whether the daemon that lives now has been killed. */
  isKilled(): boolean;
};

/** Makes the watch. `eye` looks into the ledger that is open now. */
export function makeWatch(model: Model, eye: () => LedgerEye): Watch {
  const insideEndings = new Map<string, Ending>();
  let writesLeft: number | null = null;
  let lives = 0;
  let killedLife = 0;
  const learn = makeLearner(model, eye);
  const wrong = (text: string) => void model.wrong.push(text);

  /** A delivery begins or is skipped now: it must be its turn. */
  const mayGo = (id: string): { group: ModelGroup; delivery: ModelDelivery } => {
    const { group, delivery } = deliveryOf(model, id);
    const now = model.now();
    const { name } = group.consumer;
    if (!isStartable(group, delivery, now))
      wrong(`${id} of ${name} goes on, which is ${delivery.state}, head ${delivery.head}`);
    if (group.ordered && group.deliveries.some((one) => one.state === "running" && one.key === delivery.key))
      wrong(`${id} of ${name} goes on while another of its key runs`);
    const older = group.deliveries.find(
      (one) => one.state === "ready" && isStartable(group, one, now) && one.place < delivery.place,
    );
    // What runs inside goes in one batch: an older one may be in it already.
    if (older !== undefined && delivery.state === "ready" && !isInside(group.consumer))
      wrong(`${id} of ${name} goes on before ${older.id}, which is older`);
    const reason = heldUpBy(model, group, now);
    if (reason !== null) wrong(`${id} of ${name} goes on although it must wait: ${reason}`);
    return { group, delivery };
  };

  /** The daemon's own events about dead letters, which are written with the outcome. */
  const tellDead = (group: ModelGroup, dead: readonly ModelDelivery[], events: readonly Event[]) => {
    if (events.length !== dead.length) wrong(`${events.length} own events were written of ${dead.length} dead letters`);
    for (const [at, delivery] of dead.entries()) {
      const about = model.events.get(delivery.seqs.at(-1) ?? 0);
      const event = events[at];
      if (about === undefined || event === undefined) continue;
      const { type, subject, sessionId, project, depth } = event;
      const expected = [
        "offhook.dead-letter",
        about.subject,
        about.session,
        about.project,
        about.depth + (about.isOwn ? 1 : 0),
      ];
      if (JSON.stringify([type, subject, sessionId, project, depth]) !== JSON.stringify(expected))
        wrong(`the dead letter ${delivery.id} of ${group.consumer.name} is told as ${JSON.stringify(event)}`);
      append(model, modelEventOf(event));
    }
  };

  const followBegin = (number: number, id: string) => {
    const { group, delivery } = mayGo(id);
    const reason = startSkip(model, group, delivery);
    if (reason !== null) wrong(`${id} of ${group.consumer.name} began, and should have been skipped: ${reason}`);
    Object.assign(delivery, {
      state: "running",
      dueMs: null,
      begunBy: group.consumer,
      attempts: delivery.attempts + 1,
    });
    if (group.consumer.rate !== null) group.unnoted++;
    if (number !== delivery.attempts) wrong(`attempt ${number} of ${id} began, and it should be ${delivery.attempts}`);
  };

  /** These begin inside the daemon now: from here on they take in no more events, also when a kill comes before their end. */
  const followClosing = (ids: readonly string[]) => {
    for (const id of ids) {
      const { group, delivery } = mayGo(id);
      const { name } = group.consumer;
      if (!isInside(group.consumer)) wrong(`${id} of ${name} was closed, which does not run inside`);
      const reason = startSkip(model, group, delivery);
      if (reason !== null) wrong(`${id} of ${name} was closed, and should have been skipped: ${reason}`);
      if (delivery.state === "held") Object.assign(delivery, { state: "ready", dueMs: null });
    }
  };

  const followInside = (ids: readonly string[], dueMs: number | null, events: readonly Event[]) => {
    const found = ids.map((id) => deliveryOf(model, id));
    const group = found[0]?.group;
    const ending = group === undefined ? undefined : insideEndings.get(group.consumer.name);
    if (group === undefined || ending === undefined) return wrong(`${ids} were settled, and nothing has ended`);
    for (const { delivery } of found) {
      if (!isStartable(group, delivery, model.now())) wrong(`${delivery.id} ran inside, which is ${delivery.state}`);
      if (delivery.state === "held" && group.consumer.debounce !== null)
        wrong(`${delivery.id} ran inside, and still took in events`);
    }
    for (const { delivery } of found) {
      delivery.attempts++;
      endAttempt(model, group, delivery, ending, dueMs);
    }
    tellDead(group, found.map((one) => one.delivery).filter(isDead), events);
  };

  const around = (stream: Stream): Stream => {
    const life = ++lives;
    let isTogether = false;
    /** A moment at which a kill may come. A transaction has none inside: a kill there is one before it, since nothing of it stays. */
    const passKill = () => {
      if (isTogether) return;
      if (writesLeft === 0) {
        writesLeft = null;
        killedLife = life;
      }
      if (killedLife === life) throw new Killed("killed");
      if (writesLeft !== null) writesLeft--;
    };
    /** A verb that writes: the kill, or the ledger and then the model. */
    const written =
      <A extends unknown[], R>(verb: (...args: A) => R, follow: (result: R, ...args: A) => void) =>
      (...args: A): R => {
        passKill();
        const result = verb(...args);
        follow(result, ...args);
        return result;
      };
    const counted =
      (verb: (model: Model, ids: readonly string[]) => number) => (count: number, ids: readonly string[]) => {
        const expected = verb(model, ids);
        if (count !== expected) wrong(`${count} dead letters were changed, and not ${expected}`);
      };

    const unwatched: Unwatched = stream;
    return {
      ...unwatched,
      together(work) {
        passKill();
        isTogether = true;
        try {
          return stream.together(work);
        } finally {
          isTogether = false;
        }
      },
      append: written(stream.append, (_, events) => {
        for (const event of events) append(model, modelEventOf(event));
      }),
      openGroup: written(stream.openGroup, (place, name, options) => {
        const group = verbs.openGroup(model, name, options);
        if (group !== null && (place.cursor !== group.cursor || place.paused !== group.paused))
          wrong(`${name} was opened at ${JSON.stringify(place)}, and not at ${group.cursor}, paused: ${group.paused}`);
      }),
      decide: written(stream.decide, (_, { consumer, cursor }) => {
        const group = groupOf(model, consumer);
        if (group.paused || group.removed) wrong(`${consumer} decided although it is paused or removed`);
        if (cursor < group.cursor) wrong(`the cursor of ${consumer} went back from ${group.cursor} to ${cursor}`);
        for (const event of [...model.events.values()]) {
          if (event.seq > group.cursor && event.seq <= cursor) decideEvent(model, group, event);
        }
        learn(group);
      }),
      forgetMarks: written(stream.forgetMarks, (_, name, acceptedBeforeMs, cooledBeforeMs) =>
        verbs.forgetMarks(model, groupOf(model, name), acceptedBeforeMs, cooledBeforeMs),
      ),
      noteStarts: written(stream.noteStarts, (_, name, count) => {
        const group = groupOf(model, name);
        const { rate } = group.consumer;
        if (!isInside(group.consumer)) group.unnoted -= count;
        for (let noted = 0; noted < count; noted++) group.starts.push(model.now());
        if (rate !== null && startsWithin(group, rate.perMs, model.now()) > rate.count)
          wrong(`${name} begins more than its rate`);
      }),
      wake: written(stream.wake, (_, name, longest) => verbs.wake(model, groupOf(model, name), longest)),
      closeHolds: written(stream.closeHolds, (_, ids) => followClosing(ids)),
      begin: written(stream.begin, followBegin),
      settle: written(stream.settle, (_, id, number, end, next, { events }) => {
        const { group, delivery } = deliveryOf(model, id);
        const { ended } = delivery;
        if (delivery.state !== "running" || ended === null)
          return wrong(`${id} was settled, which is ${delivery.state}`);
        if (number !== delivery.attempts) wrong(`attempt ${number} of ${id} was settled, and not ${delivery.attempts}`);
        if (end.counts === ended.isCutOff) wrong(`the attempt of ${id} counts: ${end.counts}`);
        endAttempt(model, group, delivery, ended, "dueMs" in next ? next.dueMs : null);
        tellDead(group, [delivery].filter(isDead), events);
      }),
      settleAtOnce: written(stream.settleAtOnce, (_, ids, __, next, { events }) =>
        followInside(ids, "dueMs" in next ? next.dueMs : null, events),
      ),
      skip: written(stream.skip, (_, id, reason) => {
        const { group, delivery } = mayGo(id);
        const expected = startSkip(model, group, delivery);
        if (reason !== expected) wrong(`${id} of ${group.consumer.name} was skipped: ${reason}, and not: ${expected}`);
        skip(model, group, delivery, reason);
      }),
      setPaused: written(stream.setPaused, (_, name, paused) => {
        groupOf(model, name).paused = paused;
      }),
      retryDead: written(stream.retryDead, counted(verbs.retryDead)),
      purgeDead: written(stream.purgeDead, counted(verbs.purgeDead)),
      replay: written(stream.replay, (_, name, __, deliveries) => {
        verbs.replay(model, name, deliveries);
        learn(groupOf(model, name));
      }),
      forget: written(stream.forget, (_, name) => void model.groups.delete(name)),
      markRemoved: written(stream.markRemoved, (_, present) => verbs.markRemoved(model, present)),
      prune: written(stream.prune, (pruned, limits) => followPrune(model, eye(), pruned, limits)),
      expire: written(stream.expire, (count, name, beforeMs, most) => {
        const expected = verbs.expire(model, name, beforeMs ?? Number.MAX_SAFE_INTEGER, most);
        if (count !== expected) wrong(`${count} events of ${name} expired, and not ${expected}`);
      }),
    };
  };

  return {
    around,
    onEnd(underway, { outcome, exitCode, retryAfterMs }, isCutOff) {
      const { group, delivery } = deliveryOf(model, underway.deliveryId);
      const ending = { outcome, exitCode, retryAfterMs, isCutOff, isImpossible: underway.plan.kind === "impossible" };
      if (isInside(group.consumer)) insideEndings.set(group.consumer.name, ending);
      else delivery.ended = ending;
    },
    killAfter(writes) {
      writesLeft = writes;
    },
    isKilled: () => killedLife === lives,
  };
}

function isDead({ state }: ModelDelivery): boolean {
  return state === "dead";
}

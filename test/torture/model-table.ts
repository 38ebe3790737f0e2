// The table of a model test: a daemon's core and the model side by side, and the steps that are done to both.
import type { Database } from "bun:sqlite";
import { resultOf } from "../../src/attempt/attempt.ts";
import type { Consumer } from "../../src/config/schema.ts";
import type { Stream } from "../../src/stream/stream.ts";
import { makeDice } from "./dice.ts";
import { type LedgerEye, openEye } from "./ledger-eye.ts";
import type { Model } from "./model.ts";
import { differences } from "./model-compare.ts";
import { makeEvent } from "./model-events.ts";
import { makePeople } from "./model-people.ts";
import type { DrawnEnd, Game, Step } from "./model-steps.ts";
import { crash } from "./model-verbs.ts";
import { makeWatch } from "./model-watch.ts";
import { makeWorld, type World } from "./world.ts";

const START_MS = Date.parse("2026-11-20T12:00:00.000Z");

export type Planted = (stream: Stream, db: Database) => Stream;

export type Table = {
  model: Model;
  /** How much has happened. */
  told: { events: number; attempts: number; crashes: number };
  /** Does a step and lets everything happen that can; a kill on the way is survived. */
  act(step: Step | null): Promise<void>;
  differences(): string[];
  clear(): void;
};

/** Sets the table in an empty directory. `planted` puts something wrong between the daemon and its ledger. */
export function setTable(game: Game, directory: string, planted: Planted): Table {
  const silenced = new Map<string, (Step & { kind: "silence" })["silencing"]>();
  let off: string[] = [];
  let deleted: string[] = [];
  const dice = makeDice(game.seed);
  const files = new Map(game.consumers.map((one) => [one.name, one]));
  const removed = new Map<string, Consumer>();
  const told = { events: 0, attempts: 0, crashes: 0 };
  const around = {
    silencingOf: (project: string | null) => silenced.get(project ?? "") ?? null,
    isOff: (name: string) => off.includes(name),
    exists: (path: string) => !deleted.includes(path),
  };
  let world: World;
  const model: Model = {
    ...around,
    now: () => world.clock.now(),
    workers: game.workers,
    events: new Map(),
    lastSeq: 0,
    groups: new Map(),
    files,
    wrong: [],
  };
  let seen: { db: Database; eye: LedgerEye } | null = null;
  const eye = (): LedgerEye => {
    const db = world.database();
    // The daemon's own connection: what a turn has written is looked up before it is committed.
    if (seen?.db !== db) seen = { db, eye: openEye(db) };
    return seen.eye;
  };
  const watch = makeWatch(model, eye);
  world = makeWorld({
    ...around,
    directory,
    dice: dice.fork("world"),
    startMs: START_MS,
    workers: game.workers,
    consumers: [],
    around: (stream, db) => watch.around(planted(stream, db)),
    endInside: () => resultOf(dice.chance(0.2) ? { outcome: "failed", reason: "no room" } : { outcome: "ok" }),
    onEnd(underway, result, isCutOff) {
      told.attempts++;
      watch.onEnd(underway, result, isCutOff);
    },
  });
  for (const consumer of game.consumers) world.seat(consumer);

  const people = makePeople({ model, watch, world });
  const finish = (which: number, end: DrawnEnd) => {
    const underway = world.underway();
    const one = underway[Math.floor(which * underway.length)];
    if (one === undefined) return;
    const isFinding = one.plan.kind === "command" && one.plan.findings.includes(end.exitCode ?? 0);
    one.finish({ ...end, outcome: end.outcome === "findings" && !isFinding ? "failed" : end.outcome });
  };

  const doStep = async (step: Step): Promise<void> => {
    const now = world.clock.now();
    switch (step.kind) {
      case "publish":
        world.publish(step.events.map((event) => makeEvent(event, `e${told.events++}`, now)));
        return;
      case "end":
        return finish(step.which, step.end);
      case "end-all":
        for (const _ of world.underway()) finish(0, step.end);
        return;
      case "pass":
        return world.pass(step.ms);
      case "pause":
      case "resume":
        return people.pause(step.kind, step.consumer);
      case "remove": {
        const consumer = files.get(step.consumer);
        if (consumer === undefined) return;
        removed.set(step.consumer, consumer);
        files.delete(step.consumer);
        return world.unseat(step.consumer);
      }
      case "return": {
        const consumer = removed.get(step.consumer);
        if (consumer === undefined) return;
        removed.delete(step.consumer);
        files.set(step.consumer, consumer);
        return world.seat(consumer);
      }
      case "forget":
        return people.forget(step.consumer);
      case "edit": {
        const consumer = files.get(step.consumer);
        if (consumer === undefined) return;
        const changed = { ...consumer, ...step.change };
        files.set(step.consumer, changed);
        return world.seat(changed);
      }
      case "silence":
        silenced.set(step.project, step.silencing);
        return;
      case "switch-off":
        off = step.consumers;
        return world.advance();
      case "delete-files":
        deleted = step.files;
        return;
      case "replay":
        return people.replay(step);
      case "retry-dead":
      case "purge-dead":
        return people.deadLetters(step.kind, step.from, step.to);
      case "prune":
        return people.prune(step);
      case "expire":
        return people.expire(step);
      case "housekeep":
        return people.housekeep(step);
      case "crash":
        for (let times = 0; times < step.times; times++) {
          told.crashes++;
          crash(model);
          await world.crash();
          await world.rest();
        }
        return;
      case "kill":
        return watch.killAfter(step.afterWrites);
      case "restart":
        return world.restart();
      default:
        return step satisfies never;
    }
  };

  return {
    model,
    told,
    async act(step) {
      const first = `e${told.events}`;
      try {
        if (step !== null) await doStep(step);
        await world.rest();
      } catch (error) {
        if (!watch.isKilled()) throw error;
        told.crashes++;
        crash(model);
        await world.crash();
        // What was not taken in waits in the spool.
        const isLost = ![...model.events.values()].some(({ id }) => id === first);
        if (step?.kind === "publish" && isLost) await doStep(step);
        await world.rest();
      }
    },
    differences: () => differences(model, eye()),
    clear: () => world.close(),
  };
}

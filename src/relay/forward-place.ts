// Where the forwarder is: its group's cursor in the ledger, and what the ledger notes beside it (stream.ts: Forwarding). Whatever
// moves both is one transaction.
import { CLUSTER_GROUP } from "../stream/cluster-group.ts";
import type { Forwarding, Stream } from "../stream/stream.ts";

export type PlaceDeps = {
  stream: Pick<Stream, "eventsOf" | "lastSeq" | "ledgerId" | "together" | "placeOf" | "decide"> &
    Pick<Stream, "forwarding" | "noteForwarding" | "renewLedgerId">;
  node: string;
  log(line: string): void;
};

export type Place = Readonly<Forwarding> & {
  /** Redis was never asked under this origin. */
  readonly joins: boolean;
  /** Where the cursor is. It may be moved on by others: what was held back for too long is skipped. */
  fromSeq(): number;
  /** Redis has confirmed all up to here; `looked`: how many events that were, null where that is not known. */
  moveTo(throughSeq: number, looked: number | null): void;
  /** Redis has lost what came after a seq: on from there. */
  goBackTo(throughSeq: number): void;
  /** Whether the event with this seq is the one that Redis has; an unknown id (null) is believed. */
  isOurs(throughSeq: number, id: string | null): boolean;
  /** Redis knows this origin from another ledger: on from the cursor, as another one. */
  renew(): void;
};

/** The place of the open forwarder's group. */
export function placeIn({ stream, node, log }: PlaceDeps): Place {
  const cursor = () => stream.placeOf(CLUSTER_GROUP).cursor;
  const moveCursor = (to: number) =>
    stream.decide({
      consumer: CLUSTER_GROUP,
      ordered: false,
      cursor: to,
      deliveries: [],
      joins: [],
      skips: [],
      accepted: [],
    });
  const anew = (): Forwarding => {
    const from = cursor();
    return { origin: `${node}/${stream.ledgerId()}`, beganSeq: from, knownSeq: from, againSeq: 0 };
  };
  const noted = stream.forwarding();
  let joins = noted === null || noted.origin !== `${node}/${stream.ledgerId()}`;
  let at = noted === null || joins ? anew() : noted;
  /** What Redis lost and gets again, and how much of it was in the ledger so far. */
  let lost: { events: number; found: number | null } | null = null;

  const count = (looked: number | null) => {
    if (lost === null) return;
    lost.found = lost.found === null || looked === null ? null : lost.found + looked;
    if (at.knownSeq < at.againSeq) return;
    const gone = lost.found === null ? 0 : lost.events - lost.found;
    if (gone > 0) log(`${gone} of the events that Redis lost are no longer in the ledger`);
    lost = null;
  };

  return {
    get origin() {
      return at.origin;
    },
    get beganSeq() {
      return at.beganSeq;
    },
    get knownSeq() {
      return at.knownSeq;
    },
    get againSeq() {
      return at.againSeq;
    },
    get joins() {
      return joins;
    },
    fromSeq: cursor,
    moveTo(throughSeq, looked) {
      const next = { ...at, knownSeq: throughSeq };
      stream.together(() => {
        moveCursor(Math.max(cursor(), throughSeq));
        stream.noteForwarding(next);
      });
      at = next;
      joins = false;
      count(looked);
    },
    goBackTo(throughSeq) {
      const next = { ...at, knownSeq: throughSeq, againSeq: Math.max(at.againSeq, at.knownSeq) };
      log(`Redis has lost events of this node: those after ${throughSeq} are sent again, up to ${at.knownSeq}`);
      lost = { events: next.againSeq - throughSeq, found: 0 };
      stream.together(() => {
        moveCursor(throughSeq);
        stream.noteForwarding(next);
      });
      at = next;
    },
    isOurs(throughSeq, id) {
      if (id === null) return throughSeq <= stream.lastSeq();
      return stream.eventsOf([throughSeq])[0]?.id === id;
    },
    renew() {
      const { origin } = at;
      stream.renewLedgerId();
      at = anew();
      joins = true;
      log(
        `Redis knows ${origin} from a ledger that went on otherwise (brought back, or copied): it is ${at.origin} now`,
      );
    },
  };
}

import { countFor, cursorText, type EmissionPlan, Spread } from '../measure/emission-plan.js';
import type { Reception } from '../measure/reception.js';
import type { Tally } from '../measure/tally.js';
import type { BenchClient } from './bench-client.js';
import type { SettleOrder } from './messages.js';

const NOTHING: ReadonlySet<number> = new Set();

/** A plan, as a worker follows it: who is meant, what has come, and, once it is known, what was really emitted. */
export class PlanState {
  /** Namespace index to whose turn it is. */
  readonly turns: ReadonlyMap<number, number>;
  readonly spread = new Spread();
  lastReceiptMs = 0;
  /** Receptions of connections that have ended, and up to where they had to get cursors. */
  readonly ended: { reception: Reception; final: number; client: BenchClient }[] = [];
  /** Characters of the plan's cursors where all have the same; else 0. */
  readonly #cursorLength: number;
  #emitted: number | undefined;
  readonly #failedByTurn = new Map<number, Set<number>>();

  constructor(readonly plan: EmissionPlan) {
    const [first, last] = [cursorText(plan, 0).length, cursorText(plan, Math.max(0, plan.count - 1)).length];
    this.#cursorLength = first === last ? first : 0;
    this.turns = new Map(plan.namespaces.map((namespace, turn) => [namespace, turn]));
  }

  /** Characters of one of the plan's cursors, as it was emitted. */
  lengthOf(cursor: number): number {
    return this.#cursorLength || cursorText(this.plan, cursor - this.plan.firstCursor).length;
  }

  /** Whether it is known what was emitted. */
  get isOver(): boolean {
    return this.#emitted !== undefined;
  }

  /** Takes what came of the plan. */
  finish({ emitted, failed }: SettleOrder): void {
    this.#emitted = emitted;
    const { batch, namespaces } = this.plan;
    for (const index of failed) {
      const request = Math.floor(index / batch);
      const turn = request % namespaces.length;
      const ordinals = this.#failedByTurn.get(turn) ?? new Set();
      ordinals.add(Math.floor(request / namespaces.length) * batch + (index % batch));
      this.#failedByTurn.set(turn, ordinals);
    }
  }

  isComplete(reception: Reception): boolean {
    return reception.isComplete(this.#final(reception.turn), this.#failed(reception.turn));
  }

  /**
   * Settles the account of one receiver that was there to the end.
   *
   * @returns what {@link Reception.seal} does.
   */
  seal({ reception, tally, isReading }: { reception: Reception; tally: Tally; isReading: boolean }) {
    return reception.seal(this.#final(reception.turn), this.#failed(reception.turn), tally, isReading);
  }

  /** Settles the account of one that was not, in the same way. */
  sealUpTo(upTo: number, reception: Reception, tally: Tally) {
    return reception.seal(Math.min(upTo, this.#final(reception.turn)), this.#failed(reception.turn), tally);
  }

  #final(turn: number): number {
    return countFor(this.plan, turn, this.#emitted ?? 0);
  }

  #failed(turn: number): ReadonlySet<number> {
    return this.#failedByTurn.get(turn) ?? NOTHING;
  }
}

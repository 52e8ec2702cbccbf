import type {
  Backplane,
  BackplaneListener,
  BackplaneState,
  ClusterCursor,
} from '../../src/backplane/backplane.js';
import type { Kick } from '../../src/manager/types.js';
import { Waiters } from '../support/deadline.js';

/** A backplane whose calls are recorded, and can be waited for. */
export class RecordedNode implements BackplaneListener {
  readonly live: ClusterCursor[] = [];
  readonly missed: ClusterCursor[] = [];
  readonly states: BackplaneState[] = [];
  readonly reasons: (string | undefined)[] = [];
  clients = 0;
  /** What others had closed here. */
  readonly kicks: Kick[] = [];
  /** How many clients each of them closes. */
  closes = 0;
  /** Called when cursors come. */
  onCursors: () => void = () => {};
  readonly #waiters = new Waiters();

  constructor(readonly backplane: Backplane) {}

  start(): this {
    this.backplane.start(this);
    return this;
  }

  cursors(items: readonly ClusterCursor[], catchUp: boolean): void {
    (catchUp ? this.missed : this.live).push(...items);
    this.onCursors();
    this.#waiters.changed();
  }

  state(state: BackplaneState, why?: string): void {
    this.states.push(state);
    this.reasons.push(why);
    this.#waiters.changed();
  }

  kick(kick: Kick): number {
    this.kicks.push(kick);
    return this.closes;
  }

  connections(): number {
    return this.clients;
  }

  /** All texts of a namespace that came, live or not, in order of arrival within each. */
  heard(namespace: string): string[] {
    return [...this.live, ...this.missed]
      .filter((item) => item.namespace === namespace)
      .map(({ cursor }) => cursor);
  }

  async until(isMet: (node: this) => boolean, what: string): Promise<void> {
    await this.#waiters.until(
      () => isMet(this),
      () =>
        `${what}; live ${JSON.stringify(this.live)}, missed ${JSON.stringify(this.missed)}, ${this.states}`,
    );
  }

  async untilState(state: BackplaneState): Promise<void> {
    await this.until(({ backplane }) => backplane.view().state === state, state);
  }

  async untilHeard(namespace: string, cursor: string): Promise<void> {
    await this.until((node) => node.heard(namespace).includes(cursor), `${namespace} at ${cursor}`);
  }
}

/** Asks until a condition holds that nothing reports; once in a few milliseconds. */
export async function eventually(isMet: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!(await isMet())) {
    if (performance.now() > endMs) throw new Error(`Never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

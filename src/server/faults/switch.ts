import type { Faults, FaultsParts } from './faults.js';

/** The faults of a server that may have some: loaded when they are first asked for. */
export class FaultSwitch {
  #loading: Promise<Faults> | undefined;
  #faults: Faults | undefined;
  #isClosed = false;

  constructor(private readonly parts: FaultsParts) {}

  /** Resolves with `undefined` when the server shuts down: then nothing is to go wrong any more. */
  async load(): Promise<Faults | undefined> {
    this.#loading ??= import('./faults.js').then(({ Faults }) => new Faults(this.parts));
    this.#faults = await this.#loading;
    return this.#isClosed ? undefined : this.#faults;
  }

  /** Ends all rules, and leaves no timer behind. */
  close(): void {
    this.#isClosed = true;
    this.#faults?.clear();
  }
}

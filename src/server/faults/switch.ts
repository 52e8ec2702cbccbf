import type { RequestListener } from 'node:http';
import type { FaultPreset } from '../../options/fault-presets.js';
import type { Faults, FaultsParts } from './faults.js';
import type { HttpFaultScene } from './http-faults.js';

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

  /** Sets a preset, if there is one. */
  async start(preset: FaultPreset | undefined): Promise<void> {
    if (preset !== undefined) (await this.load())?.set({ preset });
  }

  /** A listener that answers the requests of DataFn clients, with faults while there are some. */
  disturbed(answer: RequestListener, scene: HttpFaultScene): RequestListener {
    return (request, response) => {
      if (this.#faults?.request(request, response, answer, scene)) return;
      answer(request, response);
    };
  }

  /** Ends all rules, and leaves no timer behind. */
  close(): void {
    this.#isClosed = true;
    this.#faults?.clear();
  }
}

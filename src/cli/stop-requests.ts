import { type Io, STOP_EXIT_CODES, type StopSignal } from './io.js';

/** The requests to stop that reach a command while it runs. */
export class StopRequests {
  readonly #abort = new AbortController();
  #by: StopSignal | undefined;
  /** The first request. */
  readonly first: Promise<StopSignal>;
  /** The second request: the command ends at once. */
  readonly second: Promise<StopSignal>;
  /** Stops listening. */
  readonly dispose: () => void;

  constructor(io: Pick<Io, 'onStop'>) {
    const waiting: ((signal: StopSignal) => void)[] = [];
    const next = () => new Promise<StopSignal>((resolve) => waiting.push(resolve));
    this.first = next();
    this.second = next();
    this.dispose = io.onStop((signal) => {
      this.#by ??= signal;
      waiting.shift()?.(signal);
      this.#abort.abort();
    });
  }

  /** Aborts at the first request. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The signal of the first request; `undefined` before it. */
  get by(): StopSignal | undefined {
    return this.#by;
  }

  /** The exit code of the first request; `undefined` before it. */
  get exitCode(): number | undefined {
    return this.#by && STOP_EXIT_CODES[this.#by];
  }
}

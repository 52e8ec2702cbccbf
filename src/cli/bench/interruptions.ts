import { UncaughtError } from '../../bench/model/result.js';
import { type Io, STOP_EXIT_CODES, type StopSignal } from '../io.js';
import { StopRequests } from '../stop-requests.js';

/**
 * What ends a run early. The first request to stop has what there is reported; the second waits for nothing. An uncaught
 * error, which is a bug, ends the run as well.
 */
export class Interruptions {
  readonly #requests: StopRequests;
  /** Aborts at the first of them. */
  readonly signal: AbortSignal;
  /** The exit code, at the second request. */
  readonly atOnce: Promise<number>;
  /** The first uncaught error. */
  crash: { readonly error: unknown } | undefined;
  /** Resolves with that error. */
  readonly crashed: Promise<unknown>;
  readonly dispose: () => void;

  constructor(io: Io) {
    this.#requests = new StopRequests(io);
    this.atOnce = this.#requests.second.then((signal) => STOP_EXIT_CODES[signal]);
    const abort = new AbortController();
    this.signal = AbortSignal.any([this.#requests.signal, abort.signal]);
    let stopWatching = () => {};
    this.crashed = new Promise((resolve) => {
      stopWatching = io.onStrayError((error) => {
        this.crash ??= { error };
        abort.abort(new UncaughtError(error));
        resolve(error);
      });
    });
    this.dispose = () => {
      this.#requests.dispose();
      stopWatching();
    };
  }

  /** The first request to stop. */
  get by(): StopSignal | undefined {
    return this.#requests.by;
  }
}

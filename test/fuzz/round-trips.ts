import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { within } from '../support/deadline.js';

/** A client that pings a server all the while, in a thread of its own: what else this process does delays it little. */
export class RoundTrips {
  p99Ms = Number.NaN;

  private constructor(private readonly worker: Worker) {}

  static async start(url: string): Promise<RoundTrips> {
    const worker = new Worker(new URL('round-trips.mjs', import.meta.url), { workerData: { url } });
    await within(once(worker, 'message'), 'a client that pings to connect');
    return new RoundTrips(worker);
  }

  /** Ends the pings; the client stays connected. */
  async finish(): Promise<void> {
    const answer = once(this.worker, 'message');
    this.worker.postMessage('finish');
    const [{ p99Ms, problem }] = await within(answer, 'the round trips');
    this.p99Ms = p99Ms;
    if (problem !== undefined) throw new Error(problem);
  }

  async leave(): Promise<void> {
    await this.worker.terminate();
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../src/emit/api-client.js';
import { RawClient } from '../support/raw-client.js';

const PAUSE_MS = 20;

/**
 * Clients that do nothing wrong, in two namespaces, while a server is attacked; and a caller that emits cursors to
 * them all the while.
 */
export class HealthyClients {
  readonly #clients: RawClient[];
  readonly #api: ApiClient;
  #emitting: Promise<void> | undefined;
  #isOver = false;
  /** Cursors emitted into each of the two namespaces. */
  emitted = 0;
  readonly faults: string[] = [];

  private constructor(clients: RawClient[], api: ApiClient) {
    this.#clients = clients;
    this.#api = api;
  }

  static async connect(wsUrl: string, apiUrl: string): Promise<HealthyClients> {
    const clients: RawClient[] = [];
    for (let index = 0; index < 6; index++) {
      const client = await RawClient.open(wsUrl, { token: `healthy:${index % 2}` });
      client.say(`{"type":"hello","clientId":"healthy-${index}","cursor":"0"}`);
      clients.push(client);
    }
    return new HealthyClients(clients, new ApiClient({ url: apiUrl, timeoutMs: 60_000 }));
  }

  /** Begins to emit: cursors 1, 2, … to both namespaces. */
  begin(): void {
    this.#emitting = this.#emit();
  }

  /** Ends the emits, waits for the last cursor, and says what is wrong: nothing, if all has arrived in order. */
  async finish(): Promise<string[]> {
    this.#isOver = true;
    await this.#emitting;
    for (const [index, client] of this.#clients.entries()) {
      try {
        await client.received(this.emitted, 30_000);
      } catch (error) {
        this.faults.push(`healthy client ${index}: ${String(error)}`);
      }
      const wrong = client.texts.findIndex((text, at) => text !== `{"type":"cursor","cursor":"${at + 1}"}`);
      if (wrong !== -1)
        this.faults.push(`healthy client ${index} got ${client.texts[wrong]} as number ${wrong + 1}`);
      if (!client.isOpen)
        this.faults.push(`healthy client ${index} was closed: ${JSON.stringify(client.summary())}`);
    }
    return this.faults;
  }

  async leave(): Promise<void> {
    this.#api.close();
    await Promise.all(this.#clients.map((client) => client.destroy()));
  }

  async #emit(): Promise<void> {
    while (!this.#isOver) {
      const cursor = String(this.emitted + 1);
      try {
        const results = await this.#api.emit(
          [0, 1].map((index) => ({ namespace: `healthy:${index}`, cursor })),
        );
        this.emitted += 1;
        const missed = results.find(({ delivered }) => delivered !== 3);
        if (missed !== undefined)
          this.faults.push(`cursor ${cursor} went to ${missed.delivered} of 3 clients`);
      } catch (error) {
        this.faults.push(`emit of cursor ${cursor}: ${String(error)}`);
        return;
      }
      await sleep(PAUSE_MS);
    }
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../src/emit/api-client.js';
import type { ServerStats } from '../../src/server/health/statistics.js';
import { RawClient } from '../support/raw-client.js';
import type { Presented } from './campaigns/server-campaign.js';
import { RoundTrips } from './round-trips.js';

const PAUSE_MS = 20;

type Admit = (namespace: string) => Presented;
const asDev: Admit = (namespace) => ({ query: `token=${namespace}` });
const urlFor = (wsUrl: string, { query = '' }: Presented) => `${wsUrl}?${query}`;

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

  private constructor(
    clients: RawClient[],
    api: ApiClient,
    private readonly roundTrips: RoundTrips,
  ) {
    this.#clients = clients;
    this.#api = api;
  }

  /** @param admit what a client says to be let into a namespace. Default: what the `dev` provider wants. */
  static async connect(wsUrl: string, apiUrl: string, admit: Admit = asDev): Promise<HealthyClients> {
    const clients: RawClient[] = [];
    for (let index = 0; index < 6; index++) {
      const client = await RawClient.open(urlFor(wsUrl, admit(`healthy:${index % 2}`)));
      client.say(`{"type":"hello","clientId":"healthy-${index}","cursor":"0"}`);
      clients.push(client);
    }
    const roundTrips = await RoundTrips.start(urlFor(wsUrl, admit('healthy:2')));
    const tls = { ca: undefined, rejectUnauthorized: false };
    return new HealthyClients(clients, new ApiClient({ url: apiUrl, timeoutMs: 60_000, tls }), roundTrips);
  }

  /** How many are connected. */
  get count(): number {
    return this.#clients.length + 1;
  }

  /** How long the server took to answer a ping, in milliseconds: of a hundred, the slowest but one. */
  get roundTripP99Ms(): number {
    return this.roundTrips.p99Ms;
  }

  /** What the server says of itself. */
  async stats(): Promise<ServerStats> {
    return (await this.#api.get('/v1/stats')) as ServerStats;
  }

  /** Begins to emit: cursors 1, 2, … to both namespaces. */
  begin(): void {
    this.#emitting = this.#emit();
  }

  /** Ends the emits, waits for the last cursor, and says what is wrong: nothing, if all has arrived in order. */
  async finish(): Promise<string[]> {
    this.#isOver = true;
    await this.#emitting;
    await this.roundTrips
      .finish()
      .catch((error) => this.faults.push(`the client that pings: ${String(error)}`));
    // All at once, and not one that is closed: otherwise the test would time out before it says what is wrong.
    await Promise.all(
      this.#clients.map(async (client, index) => {
        if (!client.isOpen) return;
        await client
          .received(this.emitted, 30_000)
          .catch((error) => this.faults.push(`healthy client ${index}: ${String(error)}`));
      }),
    );
    for (const [index, client] of this.#clients.entries()) {
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
    await Promise.all([...this.#clients.map((client) => client.destroy()), this.roundTrips.leave()]);
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

import { call } from '../support/http-call.js';
import { assault, type Toll } from './assault.js';
import { AttackedServer, type Memory } from './attacked-server.js';
import { HealthyClients } from './healthy.js';
import { slowAttack } from './slow-attack.js';

/** Attacked with everything that is on by default, at limits that let many inputs share a connection. */
const FLAGS = [
  ['--max-message-rate', '0'],
  ['--max-message-burst', '1000'],
  ['--max-connections-per-namespace', '10000'],
  ['--handshake-timeout', '1s'],
  ['--request-timeout', '2s'],
  ['--heartbeat-interval', '500ms'],
  ['--heartbeat-timeout', '3s'],
].flat();

/** Inputs that are sent before memory is looked at for the first time, so that all code has run once. */
const WARM_UP_INPUTS = 1000;

export interface CampaignOptions {
  readonly seed: number;
  readonly from: number;
  readonly inputs: number;
  /** Slow connections of each kind beside it. */
  readonly slowEach: number;
  readonly logLevel: 'info' | 'warn';
  onProgress?(toll: Toll): void;
}

export interface CampaignResult {
  readonly toll: Toll;
  /** Everything that must not be. */
  readonly faults: readonly string[];
  /** Cursors that every healthy client got, in order. */
  readonly healthyCursors: number;
  readonly slowConnections: number;
  readonly before: Memory;
  readonly after: Memory;
  readonly log: string;
}

/** Attacks a server of its own, watches over its healthy clients, and looks at what is left of it afterwards. */
export async function campaign(options: CampaignOptions): Promise<CampaignResult> {
  const { seed, from, inputs, slowEach, logLevel, onProgress } = options;
  const server = await AttackedServer.start([...FLAGS, '--log-level', logLevel]);
  try {
    const { port, wsUrl, apiUrl } = server;
    const healthy = await HealthyClients.connect(wsUrl, apiUrl);
    healthy.begin();
    // Numbers of sessions below 0 are nobody else's.
    const warmUp = await assault({ port, seed, from: -1_000_000, inputs: WARM_UP_INPUTS });
    const before = await server.memory();
    const descriptors = server.descriptors;

    const [toll, slow] = await Promise.all([
      assault({ port, seed, from, inputs, ...(onProgress === undefined ? {} : { onProgress }) }),
      slowAttack(port, slowEach, 60_000),
    ]);
    const faults = [...warmUp.faults, ...toll.faults, ...slow, ...(await healthy.finish())];
    const after = await server.memory();
    if (server.descriptors > descriptors + 2)
      faults.push(`${descriptors} descriptors before, ${server.descriptors} after`);
    await healthy.leave();
    faults.push(...(await leftovers(apiUrl)));
    const ended = server.ended ?? (await server.stop());
    if (ended !== 'exit code 0, signal null') faults.push(`the server ended with ${ended}: ${server.stderr}`);
    if (/^bug:|UnhandledPromise|Warning:/m.test(server.stderr))
      faults.push(`the server said: ${server.stderr}`);
    return {
      toll,
      faults,
      healthyCursors: healthy.emitted,
      slowConnections: slowEach * 6,
      before,
      after,
      log: server.stderr,
    };
  } finally {
    server.dispose();
  }
}

/** Waits until nobody is left, and says who is. */
async function leftovers(apiUrl: string): Promise<string[]> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const { connections, namespaces, sockets, blocked } = (await call('GET', `${apiUrl}/v1/stats`)).json;
    if (connections === 0 && namespaces === 0 && sockets === 0 && blocked === 0) return [];
    if (performance.now() > deadline) {
      return [
        `left: ${connections} connections, ${namespaces} namespaces, ${sockets} sockets, ${blocked} blocked`,
      ];
    }
  }
}

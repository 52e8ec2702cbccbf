import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assault } from './assault.js';
import { AttackedServer, type Memory } from './attacked-server.js';
import type { PrepareCampaign, ServerCampaign } from './campaigns/server-campaign.js';
import { HealthyClients } from './healthy.js';
import { Ledger } from './ledger.js';
import { Random } from './random.js';
import { slowAttack } from './slow-attack.js';
import type { Toll } from './toll.js';

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
  readonly prepare: PrepareCampaign;
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
  /** Answers that a run of some thousands must have seen. */
  readonly expectedAnswers: readonly string[];
  /** Cursors that every healthy client got, in order. */
  readonly healthyCursors: number;
  /** Round trip of a healthy client beside the attack. */
  readonly roundTripP99Ms: number;
  readonly slowConnections: number;
  readonly before: Memory;
  readonly after: Memory;
  readonly log: string;
}

/** Attacks a server of its own, watches over its healthy clients, and looks at what is left of it afterwards. */
export async function campaign(options: CampaignOptions): Promise<CampaignResult> {
  const folder = await mkdtemp(join(tmpdir(), 'datafn-ws-fuzz-'));
  let prepared: ServerCampaign | undefined;
  try {
    prepared = await options.prepare(folder);
    return await attack(prepared, options);
  } finally {
    await prepared?.dispose?.();
    await rm(folder, { recursive: true, force: true });
  }
}

async function attack(prepared: ServerCampaign, options: CampaignOptions): Promise<CampaignResult> {
  const { seed, from, inputs, slowEach, logLevel, onProgress } = options;
  const { isTls = false } = prepared;
  const server = await AttackedServer.start([...FLAGS, ...prepared.flags, '--log-level', logLevel]);
  try {
    const { port, wsUrl, apiUrl } = server;
    const healthy = await HealthyClients.connect(wsUrl, apiUrl, prepared.admit);
    const statsBefore = await healthy.stats();
    const ledger = new Ledger();
    const target = {
      port,
      isTls,
      ledger,
      sessionOf: (index: number) => prepared.sessionOf(new Random(seed, index)),
    };
    healthy.begin();
    // Numbers of sessions below 0 are nobody else's.
    const warmUp = await assault({ ...target, from: -1_000_000, inputs: WARM_UP_INPUTS });
    const before = await server.memory();
    const descriptors = server.descriptors;

    const [toll, slow] = await Promise.all([
      assault({ ...target, from, inputs, ...(onProgress === undefined ? {} : { onProgress }) }),
      // What is slow beneath TLS has a time limit of its own.
      isTls ? [] : slowAttack(port, slowEach, 60_000, ledger),
    ]);
    const faults = [...warmUp.faults, ...toll.faults, ...slow, ...(await healthy.finish())];
    const after = await server.memory();
    if (server.descriptors > descriptors + 2)
      faults.push(`${descriptors} descriptors before, ${server.descriptors} after`);
    faults.push(...(await leftovers(healthy)));
    faults.push(...ledger.disagreements(statsBefore, await healthy.stats()));
    await healthy.leave();
    const ended = server.ended ?? (await server.stop());
    if (ended !== 'exit code 0, signal null') faults.push(`the server ended with ${ended}: ${server.stderr}`);
    if (/^bug:|UnhandledPromise|Warning:|(?:internal|uncaught) error in datafn-ws/m.test(server.stderr))
      faults.push(`the server said: ${server.stderr}`);
    return {
      toll,
      faults,
      expectedAnswers: prepared.answers,
      healthyCursors: healthy.emitted,
      roundTripP99Ms: healthy.roundTripP99Ms,
      slowConnections: isTls ? 0 : slowEach * 6,
      before,
      after,
      log: server.stderr,
    };
  } finally {
    server.dispose();
  }
}

/** Waits until the healthy clients are alone, and says who is not gone. */
async function leftovers(healthy: HealthyClients): Promise<string[]> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const { connections, namespaces, sockets, blocked } = await healthy.stats();
    if (connections === healthy.count && sockets === healthy.count && namespaces === 3 && blocked === 0)
      return [];
    if (performance.now() > deadline) {
      return [
        `left: ${connections} connections, ${namespaces} namespaces, ${sockets} sockets, ${blocked} blocked`,
      ];
    }
  }
}

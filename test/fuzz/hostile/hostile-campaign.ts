import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AttackedServer } from '../attacked-server.js';
import { HealthyClients } from '../healthy.js';
import { Random } from '../random.js';
import { SECRET } from './conduct.js';
import { HostileServer } from './hostile-server.js';
import { type Ended, HOSTILE_SCENARIO, VICTIMS } from './victims.js';

/** Commands at the same time. */
const LANES = 8;
/** Far more than any of them needs, far less than a server could make it keep. */
const MAX_PEAK_BYTES = 320 * 2 ** 20;

export interface HostileOptions {
  readonly seed: number;
  /** Number of the first run. */
  readonly from: number;
  /** Ends when at least so many requests have been answered. */
  readonly inputs: number;
  onProgress?(inputs: number): void;
}

export interface HostileResult {
  /** Requests that were answered, by what with. */
  readonly inputs: ReadonlyMap<string, number>;
  /** Commands that were run. */
  readonly runs: number;
  /** How they ended. */
  readonly exits: ReadonlyMap<string, number>;
  readonly faults: readonly string[];
  /** Cursors that every healthy client of a server beside it got, in order. */
  readonly healthyCursors: number;
  readonly roundTripP99Ms: number;
  /** The most memory that a process of a command had resident. */
  readonly peakBytes: number;
}

/** Runs commands against servers that mean them harm, and looks at how they end. */
export async function hostileCampaign(options: HostileOptions): Promise<HostileResult> {
  const folder = await mkdtemp(join(tmpdir(), 'datafn-ws-fuzz-'));
  await writeFile(join(folder, 'hostile.yaml'), HOSTILE_SCENARIO);
  const beside = await AttackedServer.start(['--log-level', 'warn']);
  let visits = 0;
  const impostor = createServer((socket) => {
    visits += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(impostor, 'listening');
  const impostorUrl = `http://127.0.0.1:${(impostor.address() as AddressInfo).port}`;
  const servers = await Promise.all(Array.from({ length: LANES }, () => HostileServer.start(impostorUrl)));
  try {
    const healthy = await HealthyClients.connect(beside.wsUrl, beside.apiUrl);
    healthy.begin();
    const state = {
      next: options.from,
      peakBytes: 0,
      exits: new Map<string, number>(),
      faults: [] as string[],
    };
    await Promise.all(servers.map((server) => lane(server)));
    const faults = [...state.faults, ...(await healthy.finish())];
    await healthy.leave();
    if (visits > 0) faults.push(`clients went to the impostor ${visits} times`);
    return {
      inputs: shown(),
      runs: state.next - options.from,
      exits: state.exits,
      faults,
      healthyCursors: healthy.emitted,
      roundTripP99Ms: healthy.roundTripP99Ms,
      peakBytes: state.peakBytes,
    };

    async function lane(server: HostileServer): Promise<void> {
      while (total(shown()) < options.inputs && state.faults.length < 10) {
        const index = state.next++;
        const random = new Random(options.seed, index);
        const name = pickVictim(random);
        server.begin(options.seed, index);
        try {
          const ended = await (VICTIMS[name] as (typeof VICTIMS)[string]).run(server.port, random, folder);
          state.peakBytes = Math.max(state.peakBytes, ended.peakBytes);
          const exit = `${name} ${ended.code}`;
          state.exits.set(exit, (state.exits.get(exit) ?? 0) + 1);
          for (const problem of problemsOf(name, ended))
            state.faults.push(`run ${index} (${name}): ${problem}`);
        } catch (error) {
          state.faults.push(`run ${index} (${name}): ${String(error)}`);
        }
        server.finish();
        options.onProgress?.(total(shown()));
      }
    }
  } finally {
    for (const server of servers) server.close();
    impostor.close();
    beside.dispose();
    await rm(folder, { recursive: true, force: true });
  }

  function shown(): Map<string, number> {
    const sum = new Map<string, number>();
    for (const server of servers)
      for (const [kind, count] of server.shown) sum.set(kind, (sum.get(kind) ?? 0) + count);
    return sum;
  }
}

function pickVictim(random: Random): string {
  let ticket = random.below(Object.values(VICTIMS).reduce((sum, { share }) => sum + share, 0));
  const chosen = Object.entries(VICTIMS).find(([, { share }]) => {
    ticket -= share;
    return ticket < 0;
  });
  return chosen?.[0] as string;
}

function problemsOf(name: string, { code, stdout, stderr, peakBytes }: Ended): string[] {
  const output = stdout + stderr;
  const { exits = [] } = VICTIMS[name] ?? {};
  const shownOutput = JSON.stringify(output.slice(-2000));
  return [
    ...(code !== null && exits.includes(code) ? [] : [`it ended with ${code}: ${shownOutput}`]),
    ...(/^bug:|\n\s+at .*:\d+:\d+/m.test(output) ? [`it showed a mistake of its own: ${shownOutput}`] : []),
    ...(output.includes(SECRET) ? [`it showed a token: ${shownOutput}`] : []),
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    ...(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(output)
      ? [`it showed control characters: ${shownOutput}`]
      : []),
    ...(peakBytes > MAX_PEAK_BYTES ? [`it had ${peakBytes} bytes resident`] : []),
  ];
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

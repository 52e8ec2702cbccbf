import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerStats } from '../../src/server/health/statistics.js';
import { AttackedServer, type Memory } from '../fuzz/attacked-server.js';
import { within } from '../support/deadline.js';
import { call } from '../support/http-call.js';

const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((total, count) => total + count, 0);

/** What a server owns at one moment. */
export interface Holdings {
  readonly memory: Memory;
  readonly descriptors: number;
}

/** A server whose accounts are audited. */
export class ProbedServe {
  private constructor(private readonly server: AttackedServer) {}

  static async start(flags: readonly string[]): Promise<ProbedServe> {
    return new ProbedServe(await AttackedServer.start(['--log-level', 'warn', ...flags]));
  }

  get wsUrl(): string {
    return this.server.wsUrl;
  }

  get apiUrl(): string {
    return this.server.apiUrl;
  }

  /** The stats, whose sums must be right at every moment. */
  async stats(): Promise<ServerStats> {
    const stats: ServerStats = (await call('GET', `${this.apiUrl}/v1/stats`)).json;
    const problems = [
      stats.accepted !== stats.connections + sum(stats.closed) && 'accepted is not open and closed',
      stats.rejected !== sum(stats.refused) && 'rejected is not the sum of the refusals',
      stats.sockets < stats.connections && 'there are more clients than sockets',
      stats.blocked > stats.connections && 'more clients are backed up than there are',
    ].filter((problem) => problem !== false);
    if (problems.length > 0) throw new Error(`${problems.join(', ')}: ${JSON.stringify(stats)}`);
    return stats;
  }

  /** Whether each client has a slot, and each slot a client: counted by namespace, and as a whole. */
  async checkSlots(): Promise<void> {
    const [before, namespaces, after] = [
      await this.stats(),
      (await call('GET', `${this.apiUrl}/v1/namespaces`)).json.namespaces as { connections: number }[],
      await this.stats(),
    ];
    const slots = namespaces.reduce((total, { connections }) => total + connections, 0);
    // Nothing came or went between: only then they must be the same.
    const isQuiet = before.accepted === after.accepted && before.connections === after.connections;
    if (isQuiet && (slots !== after.connections || namespaces.length !== after.namespaces))
      throw new Error(`${slots} slots, ${after.connections} clients`);
  }

  /** Waits until every client is gone, socket and all, and checks that nothing is left of them. */
  async settled(): Promise<ServerStats> {
    let last: ServerStats | undefined;
    const poll = async (): Promise<ServerStats> => {
      for (;;) {
        last = await this.stats();
        if (last.sockets === 0) return last;
        await sleep(50);
      }
    };
    const stats = await within(poll(), () => `everybody to be gone: ${JSON.stringify(last)}`, 60_000);
    const { connections, namespaces, blocked } = stats;
    if (connections + namespaces + blocked > 0)
      throw new Error(`Something is left: ${JSON.stringify(stats)}`);
    await this.checkSlots();
    return stats;
  }

  async holdings(): Promise<Holdings> {
    const memory = await this.server.memory();
    // The connection of the last call may still be on its way out.
    await sleep(200);
    return { memory, descriptors: this.server.descriptors };
  }

  /** How it ended. */
  stop(): Promise<string | undefined> {
    return this.server.stop();
  }

  get log(): string {
    return this.server.stderr;
  }

  dispose(): void {
    this.server.dispose();
  }
}

import { WebSocketManager } from '../../src/manager/web-socket-manager.js';
import { CLOSE } from '../../src/protocol/close-codes.js';
import { FakeClient } from '../support/fake-client.js';
import { FakeClock } from '../support/fake-clock.js';
import type { Closed, ContractClient, ContractHarness, ContractSession } from './harness.js';

/** Fake clients on a fake clock: nothing is concurrent, no time passes by itself. */
export const fakeHarness: ContractHarness = {
  name: 'fake clients on a fake clock',
  heartbeatIntervalMs: 30_000,
  heartbeatTimeoutMs: 10_000,

  async start(config, logger): Promise<ContractSession> {
    const clock = new FakeClock();
    const manager = new WebSocketManager(config, logger, clock);
    return {
      manager,
      async connect(namespace) {
        const fake = new FakeClient();
        fake.onPing = () => manager.handlePong(fake);
        return new FakeContractClient(manager, fake, manager.addClient(fake, { namespace }));
      },
      async connectUnauthenticated() {
        const fake = new FakeClient();
        fake.close?.(CLOSE.unauthorized.code, CLOSE.unauthorized.reason);
        return new FakeContractClient(manager, fake, undefined);
      },
      async settle() {
        clock.drainImmediates();
      },
      async elapse(ms) {
        clock.advance(ms);
      },
      async stop() {
        manager.destroy();
      },
    };
  },
};

class FakeContractClient implements ContractClient {
  readonly #manager: WebSocketManager;

  constructor(
    manager: WebSocketManager,
    readonly transport: FakeClient,
    readonly admitted: boolean | undefined,
  ) {
    this.#manager = manager;
  }

  get received(): readonly string[] {
    return this.transport.sent;
  }

  get pings(): number {
    return this.transport.pings;
  }

  get isOpen(): boolean {
    return this.closeCalls === 0;
  }

  get closeCalls(): number {
    return this.transport.closes.length;
  }

  async closed(): Promise<Closed> {
    const first = this.transport.closes[0];
    if (first?.code === undefined || first.reason === undefined) throw new Error('The client was not closed');
    return { code: first.code, reason: first.reason };
  }

  say(text: string): void {
    this.#manager.handleMessage(this.transport, text);
  }

  sayBinary(data: Buffer): void {
    // A transport that does not tell text from binary hands the bytes on, whatever the types say.
    this.#manager.handleMessage(this.transport, data as unknown as string);
  }

  stopPonging(): void {
    this.transport.onPing = undefined;
  }

  async leave(): Promise<void> {
    this.#manager.removeClient(this.transport);
  }
}

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IpcBackplane } from '../../src/backplane/ipc.js';
import { IpcHub } from '../../src/backplane/ipc-hub.js';
import type { MessageToHub, MessageToWorker } from '../../src/backplane/ipc-messages.js';
import type { CloseCode } from '../../src/protocol/close-codes.js';
import { NamespaceSlots } from '../../src/server/cluster/namespace-slots.js';
import { FakeClock } from '../support/fake-clock.js';

/** One worker: its clients, and the messages under way from and to it, in order. */
class SimulatedWorker {
  readonly toHub: MessageToHub[] = [];
  readonly toWorker: MessageToWorker[] = [];
  readonly clients = new Map<string, number>();
  readonly refusals: CloseCode[] = [];
  /** Clients that had to wait for the primary. */
  waited = 0;
  isGone = false;
  readonly #backplane: IpcBackplane;
  readonly #slots: NamespaceSlots;

  constructor(
    readonly id: string,
    server: SimulatedServer,
  ) {
    const { clock, limits } = server;
    const channel = { send: (message: MessageToHub) => this.toHub.push(message) };
    this.#backplane = new IpcBackplane(channel, { id, clock, ...limits });
    this.#backplane.start({ cursors: () => {}, state: () => {}, connections: () => 0 });
    this.#slots = new NamespaceSlots(
      (namespace, count) => this.#backplane.reserve(namespace, count, server.limit),
      (namespace, count) => this.#backplane.take(namespace, count, server.limit),
    );
  }

  readonly version = '1.2.3';
  send(message: MessageToWorker): void {
    this.toWorker.push(message);
  }

  come(namespace: string): void {
    const admitted = () => this.clients.set(namespace, this.in(namespace) + 1);
    if (this.#slots.acquireAtOnce(namespace)) {
      admitted();
      return;
    }
    this.waited += 1;
    void this.#slots.acquire(namespace).then((refusal) => {
      if (this.isGone) return;
      if (refusal === undefined) admitted();
      else this.refusals.push(refusal);
    });
  }

  go(namespace: string): void {
    const count = this.in(namespace);
    if (count === 0) return;
    this.clients.set(namespace, count - 1);
    this.#slots.release(namespace);
  }

  in(namespace: string): number {
    return this.clients.get(namespace) ?? 0;
  }

  receiveOne(): void {
    const message = this.toWorker.shift();
    if (message !== undefined) this.#backplane.receive(JSON.parse(JSON.stringify(message)));
  }
}

/** A primary and its workers, whose messages arrive when a test says so. */
class SimulatedServer {
  readonly clock = new FakeClock();
  readonly limits: { readonly workers: number; readonly maxConnections: number };
  readonly workers: SimulatedWorker[] = [];
  readonly hub: IpcHub;
  #started = 0;

  constructor(
    workers: number,
    readonly limit: number,
    maxConnections = 1000,
  ) {
    this.limits = { workers, maxConnections };
    const { clock, limits } = this;
    this.hub = new IpcHub({ ...limits, rememberNamespaces: 10, clock, systemMs: () => clock.nowMs });
    for (let i = 0; i < workers; i++) this.#start(i);
  }

  static async of(...args: ConstructorParameters<typeof SimulatedServer>): Promise<SimulatedServer> {
    const server = new SimulatedServer(...args);
    await server.settle();
    return server;
  }

  #start(index: number): void {
    this.#started += 1;
    const worker = new SimulatedWorker(`worker-${this.#started}`, this);
    this.workers[index] = worker;
    this.hub.add(worker);
  }

  /** A worker is killed, and another one takes its place. */
  kill(index: number): void {
    const worker = this.workers[index] as SimulatedWorker;
    worker.isGone = true;
    this.hub.remove(worker);
    this.#start(index);
  }

  hearOne(worker: SimulatedWorker): void {
    const message = worker.toHub.shift();
    if (message !== undefined) this.hub.receive(worker, JSON.parse(JSON.stringify(message)));
  }

  in(namespace: string): number {
    return this.workers.reduce((sum, worker) => sum + worker.in(namespace), 0);
  }

  get total(): number {
    return this.workers
      .flatMap(({ clients }) => [...clients.values()])
      .reduce((sum, count) => sum + count, 0);
  }

  get refused(): number {
    return this.workers.reduce((sum, { refusals }) => sum + refusals.length, 0);
  }

  /** Until nothing is under way any more, except at workers that are stopped. */
  async settle(stopped: readonly SimulatedWorker[] = []): Promise<void> {
    for (let round = 0; round < 2000; round++) {
      await afterPromises();
      const going = this.workers.filter((worker) => !stopped.includes(worker));
      if (going.every(({ toHub, toWorker }) => toHub.length + toWorker.length === 0)) return;
      for (const worker of going) {
        worker.receiveOne();
        this.hearOne(worker);
      }
    }
    throw new Error('The workers and their primary never come to an end');
  }
}

/** A request for slots waits for a few promises in a row. */
async function afterPromises(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve();
}

describe('the slots of workers', () => {
  test('within its share, a worker admits clients without a message for each', async () => {
    const server = await SimulatedServer.of(2, 10);
    const [a, b] = server.workers as [SimulatedWorker, SimulatedWorker];
    for (let i = 0; i < 5; i++) a.come('x');
    for (let i = 0; i < 100; i++) b.come(`y${i}`);
    expect([a.waited, b.waited, server.total]).toEqual([0, 0, 105]);
    expect([...a.toHub, ...b.toHub]).toEqual([]);
    server.clock.advance(100);
    expect(a.toHub).toEqual([{ type: 'held', counts: [['x', 5]] }]);
    await server.settle();
    expect([server.hub.connections, server.hub.namespaces]).toEqual([105, 101]);
    a.go('x');
    server.clock.advance(100);
    expect(a.toHub).toEqual([{ type: 'held', counts: [['x', 4]] }]);
  });

  test('what one worker leaves of its share is there for the other, and the limit is exact', async () => {
    const server = await SimulatedServer.of(2, 10);
    const [a, b] = server.workers as [SimulatedWorker, SimulatedWorker];
    for (let i = 0; i < 3; i++) b.come('x');
    for (let i = 0; i < 20; i++) a.come('x');
    await server.settle();
    expect([a.in('x'), b.in('x'), server.refused]).toEqual([7, 3, 13]);
    // A slot that becomes free at one is free for the other as soon as the primary knows.
    b.go('x');
    await server.settle();
    a.come('x');
    await server.settle();
    expect([a.in('x'), b.in('x'), server.refused]).toEqual([8, 2, 13]);
  });

  test('when enough clients have left, workers take their share without asking again', async () => {
    const server = await SimulatedServer.of(2, 10);
    const [a, b] = server.workers as [SimulatedWorker, SimulatedWorker];
    for (let i = 0; i < 6; i++) a.come('x');
    await server.settle();
    const waited = a.waited;
    expect(waited).toBeGreaterThan(0);
    b.come('x');
    await server.settle();
    expect(b.waited).toBe(1);
    for (let i = 0; i < 3; i++) a.go('x');
    await server.settle();
    for (let i = 0; i < 2; i++) a.come('x');
    b.come('x');
    expect([a.waited, b.waited, server.in('x')]).toEqual([waited, 1, 7]);
  });

  test('the limit of all clients is exact over namespaces, and is the one that is named', async () => {
    const server = await SimulatedServer.of(3, 100, 20);
    const [a, b, c] = server.workers as [SimulatedWorker, SimulatedWorker, SimulatedWorker];
    for (let i = 0; i < 5; i++) c.come(`z${i}`);
    for (let i = 0; i < 20; i++) a.come(`x${i}`);
    for (let i = 0; i < 20; i++) b.come(`y${i}`);
    await server.settle();
    expect([server.total, server.refused, c.in('z0')]).toEqual([20, 25, 1]);
    const refusals = server.workers.flatMap((worker) => worker.refusals.map(({ reason }) => reason));
    expect(new Set(refusals)).toEqual(new Set(['Connection limit reached']));
    for (let i = 0; i < 5; i++) c.go(`z${i}`);
    await server.settle();
    for (let i = 0; i < 6; i++) a.come('late');
    await server.settle();
    expect([server.total, a.in('late')]).toEqual([20, 5]);
  });

  test('100 of 300 clients that come to three workers at once are admitted', async () => {
    const server = await SimulatedServer.of(3, 100);
    for (let i = 0; i < 100; i++) for (const worker of server.workers) worker.come('x');
    await server.settle();
    expect([server.in('x'), server.refused]).toEqual([100, 200]);
  });

  test('a worker that dies leaves its share and its clients to the others at once', async () => {
    const server = await SimulatedServer.of(3, 30);
    const [a, b] = server.workers as [SimulatedWorker, SimulatedWorker];
    // None of these has been told of.
    for (let i = 0; i < 10; i++) a.come('x');
    for (let i = 0; i < 40; i++) b.come('x');
    server.kill(0);
    await server.settle();
    expect([server.in('x'), server.refused]).toEqual([30, 10]);
    // The one in its place does not take what the others have.
    for (let i = 0; i < 5; i++) server.workers[0]?.come('x');
    await server.settle();
    expect([server.in('x'), server.refused]).toEqual([30, 15]);
  });

  test('a worker that hangs keeps its share; the others wait a second for it, once, and have the rest', async () => {
    const server = await SimulatedServer.of(3, 30);
    const [a, b, hung] = server.workers as [SimulatedWorker, SimulatedWorker, SimulatedWorker];
    for (let i = 0; i < 4; i++) hung.come('x');
    for (let i = 0; i < 12; i++) a.come('x');
    await server.settle([hung]);
    expect(a.in('x')).toBe(10);
    server.clock.advance(999);
    await server.settle([hung]);
    expect(a.in('x')).toBe(10);
    server.clock.advance(1);
    await server.settle([hung]);
    expect(a.in('x')).toBe(12);
    for (let i = 0; i < 20; i++) b.come('x');
    await server.settle([hung]);
    expect([a.in('x'), b.in('x'), server.refused]).toEqual([12, 8, 12]);
    // It goes on: what it did not use is free.
    await server.settle();
    for (let i = 0; i < 20; i++) b.come('x');
    await server.settle();
    expect([server.in('x'), server.refused]).toEqual([30, 26]);
  });

  test('no interleaving overshoots a limit, and nobody is refused where there is room', async () => {
    const who = fc.integer({ min: 0, max: 2 });
    const step = fc.record({
      what: fc.constantFrom(
        'come',
        'come',
        'come',
        'go',
        'hear',
        'hear',
        'receive',
        'receive',
        'time',
        'kill',
      ),
      worker: who,
      namespace: fc.constantFrom('x', 'y', 'z'),
      times: fc.integer({ min: 1, max: 5 }),
    });
    const [limit, maxConnections] = [7, 15];
    const run = async (steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[]) => {
      const server = await SimulatedServer.of(3, limit, maxConnections);
      for (const { what, worker: index, namespace, times } of steps) {
        const worker = server.workers[index] as SimulatedWorker;
        for (let i = 0; i < times; i++) {
          if (what === 'come') worker.come(namespace);
          else if (what === 'go') worker.go(namespace);
          else if (what === 'hear') server.hearOne(worker);
          else if (what === 'receive') worker.receiveOne();
          await afterPromises();
        }
        if (what === 'time') server.clock.advance(100);
        if (what === 'kill' && times === 5) server.kill(index);
        for (const one of ['x', 'y', 'z']) expect(server.in(one)).toBeLessThanOrEqual(limit);
        expect(server.total).toBeLessThanOrEqual(maxConnections);
      }
      await server.settle();
      for (const worker of server.workers) {
        const { refused } = server;
        worker.come('x');
        await server.settle();
        const isFull = server.in('x') === limit || server.total === maxConnections;
        if (server.refused > refused) expect(isFull).toBe(true);
        else expect(worker.in('x')).toBeGreaterThan(0);
      }
      // What the primary knows in the end is what there is.
      server.clock.advance(100);
      await server.settle();
      expect(server.hub.connections).toBe(server.total);
      for (const worker of server.workers)
        for (const one of ['x', 'y', 'z']) while (worker.in(one) > 0) worker.go(one);
      server.clock.advance(100);
      await server.settle();
      expect([server.hub.connections, server.hub.namespaces]).toEqual([0, 0]);
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), run), {
      seed: 16,
      numRuns: 25,
    });
  });
});

import { afterEach, describe, expect, test } from 'vitest';
import type { ConnectEngine } from '../../src/backplane/engine.js';
import { MemoryEngine, memoryBackplane } from '../../src/backplane/memory.js';
import { backplaneContract } from './contract.js';
import { NodeOfWorkers, type NodeOptions, nodeAsBackplane, type Worker } from './node-of-workers.js';
import { eventually } from './recorded-node.js';

let engine = new MemoryEngine();

backplaneContract({
  name: 'ipc on an engine',
  make: () => nodeAsBackplane(memoryBackplane(engine)),
  async dispose() {
    engine = new MemoryEngine();
  },
});

describe('servers of workers on an engine', () => {
  let isAway = false;
  const nodes: NodeOfWorkers[] = [];
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.close()));
    isAway = false;
    engine = new MemoryEngine();
  });

  const connect: ConnectEngine = async (...args) => {
    if (isAway) throw new Error('it is away');
    return engine.connect(...args);
  };
  const leave = () => {
    isAway = true;
    engine.disconnect('it was killed');
  };

  /** Two servers of two workers each. */
  async function twoNodes(options: NodeOptions = {}) {
    const made = [0, 1].map(() => new NodeOfWorkers(memoryBackplane(engine, { connect }), options));
    nodes.push(...made);
    const [a, b] = made as [NodeOfWorkers, NodeOfWorkers];
    for (const node of [a, b]) await node.untilUp(2);
    const workers = [await a.worker(), await a.worker(), await b.worker(), await b.worker()];
    return { a, b, workers: workers as [Worker, Worker, Worker, Worker] };
  }

  const x = (cursor: string) => ({ namespace: 'x', cursor });
  const limited = (limit: number): NodeOptions => ({ settings: { maxConnectionsPerNamespace: limit } });

  test('a cursor of one worker reaches every other worker of all servers, once and in order', async () => {
    const { workers } = await twoNodes();
    const [publisher, ...others] = workers;
    const cursors = Array.from({ length: 50 }, (_, i) => String(i + 1));
    const outcomes = await Promise.all(cursors.map((cursor) => publisher.backplane.publish([x(cursor)])));
    // Each of the workers here has told that it handed it to nobody.
    for (const outcome of outcomes) expect(outcome).toEqual({ replicated: true, nodes: 2, delivered: [0] });
    for (const { heard } of others) {
      await heard.untilHeard('x', '50');
      expect([heard.heard('x'), heard.missed]).toEqual([cursors, []]);
    }
    await others[1]?.backplane.publish([x('51')]);
    await publisher.heard.untilHeard('x', '51');
    expect(publisher.heard.heard('x')).toEqual(['51']);
  });

  test('without the engine, the workers of a server hear at once; those elsewhere the newest, when it is back', async () => {
    const { a, b, workers } = await twoNodes();
    const [one, two, three, four] = workers;
    leave();
    await eventually(() => [a, b].every((node) => node.view().state === 'down'), 'down');
    for (const cursor of ['1', '2', '3'])
      expect(await one.backplane.publish([x(cursor)])).toMatchObject({ replicated: false, nodes: 1 });
    expect(two.heard.heard('x')).toEqual(['1', '2', '3']);
    const required = await one.backplane.publish([{ namespace: 'y', cursor: '1' }], { required: true });
    expect(required).toMatchObject({ replicated: false });
    expect(required.delivered).toBeUndefined();
    isAway = false;
    for (const { heard } of [three, four]) {
      await heard.untilHeard('x', '3');
      expect(heard.heard('x')).toEqual(['3']);
    }
    await a.untilUp(2);
    await one.backplane.publish([{ namespace: 'z', cursor: '1' }]);
    for (const { heard } of [two, three, four]) {
      await heard.untilHeard('z', '1');
      expect(heard.heard('y')).toEqual([]);
    }
    for (const { warnings } of [a, b]) {
      expect(warnings).toEqual([
        expect.stringContaining('The engine of the cluster is away'),
        expect.stringMatching(/The engine of the cluster is back after .*: \d cursors? caught up/),
      ]);
    }
  });

  test('what must be acknowledged reaches all workers after that, and what is too low none', async () => {
    const { workers } = await twoNodes();
    const [one, two, three] = workers;
    const outcome = await one.backplane.publish([x('10')], { monotonic: true });
    expect(outcome).toEqual({ replicated: true, nodes: 2, delivered: [0] });
    await three.heard.untilHeard('x', '10');
    expect(await three.backplane.publish([x('9')], { monotonic: true })).toMatchObject({
      replicated: false,
      stale: { index: 0, newest: '10' },
    });
    await three.backplane.publish([{ ...x('4'), reset: true }], { monotonic: true });
    for (const { heard } of [one, two]) await heard.untilHeard('x', '4');
    expect(two.heard.live).toEqual([
      { ...x('10'), epoch: 0 },
      { ...x('4'), epoch: 1 },
    ]);
  });

  test('the limit of a namespace is exact over the workers of all servers', async () => {
    const { a, b, workers } = await twoNodes(limited(10));
    const asked = await Promise.all(workers.map(({ backplane }) => backplane.reserve('x', 4, 10)));
    expect(asked.reduce((sum, { granted }) => sum + granted, 0)).toBe(10);
    expect(a.shared.hub.connections + b.shared.hub.connections).toBe(10);
    // Each slot that a worker gives back is there for any other.
    for (const { backplane } of workers) await backplane.reserve('x', 0, 10);
    await eventually(
      async () => (await workers[3].backplane.reserve('x', 10, 10)).granted === 10,
      'all of them',
    );
    expect(await workers[0].backplane.reserve('x', 1, 10)).toMatchObject({ granted: 0 });
  });

  test('the slots of a worker that dies are free for all servers at once', async () => {
    const { a, workers } = await twoNodes(limited(10));
    const [one, two, three] = workers;
    await one.backplane.reserve('x', 8, 10);
    await two.backplane.reserve('x', 1, 10);
    one.kill();
    await eventually(async () => (await three.backplane.reserve('x', 10, 10)).granted === 9, 'nine slots');
    expect([a.shared.hub.connections, a.shared.hub.namespaces]).toEqual([1, 1]);
  });

  test('while the engine is away, the limit holds for the workers of a server, and who was not checked is counted', async () => {
    const { a, b, workers } = await twoNodes(limited(10));
    const [one, two, three] = workers;
    leave();
    await eventually(() => [a, b].every((node) => node.view().state === 'down'), 'down');
    const asked = await Promise.all([one, two, three].map(({ backplane }) => backplane.reserve('x', 7, 10)));
    expect(asked.map(({ granted }) => granted)).toEqual([7, 3, 7]);
    expect(a.shared.cluster?.view().admittedUnchecked).toBe(10);
    isAway = false;
    for (const node of [a, b]) await node.untilUp(2);
    // Over the limit now: nobody is admitted until enough have left.
    await eventually(async () => (await three.backplane.reserve('x', 8, 10)).granted === 7, 'it is known');
    await one.backplane.reserve('x', 0, 10);
    await eventually(async () => (await three.backplane.reserve('x', 8, 10)).granted === 7, 'still full');
    await two.backplane.reserve('x', 2, 10);
    await eventually(async () => (await three.backplane.reserve('x', 8, 10)).granted === 8, 'one has left');
  });

  test('the limit of all clients holds for the workers of each server together, and is named', async () => {
    const { workers } = await twoNodes({ settings: { maxConnections: 5 } });
    const [one, two, three] = workers;
    expect(await one.backplane.reserve('x', 4, 100)).toMatchObject({ granted: 4 });
    expect(await two.backplane.reserve('y', 2, 100)).toEqual({ granted: 1, checked: true, isTotal: true });
    expect(await three.backplane.reserve('x', 5, 100)).toMatchObject({ granted: 5 });
  });

  test('what was missed is paced by the clients of all workers of a server together', async () => {
    const { a, b, workers } = await twoNodes({ settings: { catchUpRate: 40 } });
    const [one, , three, four] = workers;
    const namespaces = ['n1', 'n2', 'n3', 'n4'];
    for (const { backplane } of [three, four])
      for (const namespace of namespaces) await backplane.reserve(namespace, 2, 100);
    const at: number[] = [];
    four.heard.onCursors = () => at.push(performance.now());
    leave();
    await eventually(() => [a, b].every((node) => node.view().state === 'down'), 'down');
    for (const namespace of namespaces) await one.backplane.publish([{ namespace, cursor: '1' }]);
    isAway = false;
    await four.heard.untilHeard('n4', '1');
    await three.heard.untilHeard('n4', '1');
    expect(four.heard.live.map(({ namespace }) => namespace)).toEqual(namespaces);
    // Four clients of each namespace are 100 ms, and the last need not be waited for. Timers never fire early.
    expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBeGreaterThan(240);
  });

  test('what was missed is not sent any more once a newer cursor of any worker has gone out', async () => {
    const { a, b, workers } = await twoNodes({ settings: { catchUpRate: 20 } });
    const [one, , three, four] = workers;
    // They are five seconds at that rate.
    await four.backplane.reserve('n1', 100, 100);
    leave();
    await eventually(() => [a, b].every((node) => node.view().state === 'down'), 'down');
    for (const namespace of ['n1', 'n2']) await one.backplane.publish([{ namespace, cursor: '1' }]);
    isAway = false;
    await four.heard.untilHeard('n1', '1');
    await b.untilUp(2);
    expect(b.shared.cluster?.view().catchingUp).toBe(1);
    await three.backplane.publish([{ namespace: 'n2', cursor: '2' }]);
    await four.heard.untilHeard('n2', '2');
    expect(b.shared.cluster?.view().catchingUp).toBe(0);
    expect(four.heard.heard('n2')).toEqual(['2']);
  });

  test('a worker that comes later knows what was heard from other servers', async () => {
    const { a, workers } = await twoNodes();
    await workers[2].backplane.publish([x('7')]);
    await workers[0].heard.untilHeard('x', '7');
    expect((await a.worker()).heard.missed).toEqual([{ ...x('7'), epoch: 0 }]);
  });

  test('a cursor of another server is reported once, with the clients of all workers', async () => {
    const reports: unknown[] = [];
    const observer = { broadcast: (...report: unknown[]) => void reports.push(report) };
    const b = new NodeOfWorkers(memoryBackplane(engine), { observer });
    const a = new NodeOfWorkers(memoryBackplane(engine));
    nodes.push(a, b);
    for (const node of [a, b]) await node.untilUp(2);
    const publisher = await a.worker();
    for (const delivered of [2, 3]) {
      const { backplane } = b.connect();
      backplane.start({ cursors: () => [delivered, 0], state: () => {}, connections: () => 0 });
    }
    await publisher.backplane.publish([x('1'), { namespace: 'y', cursor: '1' }]);
    await eventually(() => reports.length > 0, 'the report');
    expect(reports).toEqual([['x', '1', 5]]);
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import type { Backplane } from '../../src/backplane/backplane.js';
import { eventually, RecordedNode } from './recorded-node.js';

/** What the contract needs of an implementation. */
export interface ContractSubject {
  readonly name: string;
  /** False skips all, with a line each. */
  readonly isAvailable?: boolean;
  /** Whether all processes are workers of one server. */
  readonly areWorkers?: boolean;
  /** One more process of the cluster that a test is about; the first call of a test begins a new cluster. */
  make(): Promise<Backplane>;
  /** After each test, when every backplane has been closed. */
  dispose(): Promise<void>;
}

/** What every backplane does, whatever it is made of. */
export function backplaneContract({
  name,
  isAvailable = true,
  areWorkers = false,
  make,
  dispose,
}: ContractSubject): void {
  const test = isAvailable ? it : it.skip;
  describe(`a backplane over ${name}`, () => {
    const nodes: RecordedNode[] = [];
    const node = async () => {
      const made = new RecordedNode(await make()).start();
      nodes.push(made);
      await made.untilState('up');
      return made;
    };
    const together = async (count: number) => {
      const all: RecordedNode[] = [];
      for (let i = 0; i < count; i++) all.push(await node());
      await eventually(
        () => all.every(({ backplane }) => backplane.view().nodes.length === count),
        `${count} nodes that see each other`,
      );
      return all;
    };
    afterEach(async () => {
      await Promise.all(nodes.splice(0).map(({ backplane }) => backplane.close()));
      await dispose();
    });

    test('a cursor reaches every other process, and not the one that published it', async () => {
      const [a, b, c] = (await together(3)) as [RecordedNode, RecordedNode, RecordedNode];
      expect(await a.backplane.publish([{ namespace: 'x', cursor: '42' }])).toMatchObject({
        replicated: true,
        nodes: areWorkers ? 1 : 3,
      });
      await Promise.all([b.untilHeard('x', '42'), c.untilHeard('x', '42')]);
      expect(b.live).toEqual([{ namespace: 'x', cursor: '42', epoch: 0 }]);
      // What comes after shows that nothing of one's own came before.
      await b.backplane.publish([{ namespace: 'x', cursor: '43' }]);
      await a.untilHeard('x', '43');
      expect(a.heard('x')).toEqual(['43']);
    });

    test('live cursors all arrive, in order, also those that are not newer or no number', async () => {
      const [a, b] = (await together(2)) as [RecordedNode, RecordedNode];
      const cursors = ['5', '3', '5', 'none', '7', 'Grüße 😀'];
      await a.backplane.publish(cursors.map((cursor) => ({ namespace: 'x', cursor })));
      await b.untilHeard('x', cursors.at(-1) as string);
      expect(b.heard('x')).toEqual(cursors);
      expect(b.missed).toEqual([]);
    });

    test('whom a cursor concerns goes along with it', async () => {
      const [a, b] = (await together(2)) as [RecordedNode, RecordedNode];
      const affectedPrincipals = ['team:t', 'user:ü b'];
      await a.backplane.publish([
        { namespace: 'x', cursor: '1', affectedPrincipals },
        { namespace: 'x', cursor: '2' },
        { namespace: 'y', cursor: '1', affectedPrincipals: ['user:b'] },
      ]);
      await b.untilHeard('y', '1');
      expect(b.live).toEqual([
        { namespace: 'x', cursor: '1', epoch: 0, affectedPrincipals },
        { namespace: 'x', cursor: '2', epoch: 0 },
        { namespace: 'y', cursor: '1', epoch: 0, affectedPrincipals: ['user:b'] },
      ]);
      // Who comes later was not there for the others before it: it hears the newest for everybody.
      const c = await node();
      await c.untilHeard('y', '1');
      expect(c.missed.find(({ namespace }) => namespace === 'y')).toEqual({
        namespace: 'y',
        cursor: '1',
        epoch: 0,
      });
    });

    test('clients that must lose access are closed by every other process, and their number is known', async () => {
      const [a, b, c] = (await together(3)) as [RecordedNode, RecordedNode, RecordedNode];
      if (a.backplane.kick === undefined) return;
      [a.closes, b.closes, c.closes] = [100, 2, 3];
      const kick = { namespace: 'x \u00fc', principal: 'user:b', code: 4001, reason: 'é "quoted" \u001e' };
      expect(await a.backplane.kick(kick)).toEqual({ closed: 5, nodes: 3, replicated: true });
      expect([a.kicks, b.kicks, c.kicks]).toEqual([[], [kick], [kick]]);
      // Each answer belongs to its own question.
      const both = await Promise.all([a.backplane.kick({ id: 'k-1' }), b.backplane.kick?.({ id: 'k-2' })]);
      expect(both).toMatchObject([{ closed: 5 }, { closed: 103 }]);
    });

    test('a batch of many thousands arrives whole', async () => {
      const [a, b] = (await together(2)) as [RecordedNode, RecordedNode];
      const items = Array.from({ length: 5000 }, (_, i) => ({ namespace: `n${i % 50}`, cursor: String(i) }));
      expect((await a.backplane.publish(items)).replicated).toBe(true);
      await b.until(({ live }) => live.length >= items.length, 'all of the batch');
      expect(b.live.map(({ cursor }) => cursor)).toEqual(items.map(({ cursor }) => cursor));
    });

    test('a process that comes later is handed the newest cursor of each namespace, once', async () => {
      const [a] = (await together(1)) as [RecordedNode];
      await a.backplane.publish([
        { namespace: 'x', cursor: '9' },
        { namespace: 'x', cursor: '10' },
        { namespace: 'y', cursor: '1' },
      ]);
      const late = await node();
      expect(late.live).toEqual([]);
      expect(late.missed.toSorted((p, q) => p.namespace.localeCompare(q.namespace))).toEqual([
        { namespace: 'x', cursor: '10', epoch: 0 },
        { namespace: 'y', cursor: '1', epoch: 0 },
      ]);
    });

    test('monotonic: a lower cursor refuses the whole batch, by its index, with what is newest', async () => {
      const [a, b] = (await together(2)) as [RecordedNode, RecordedNode];
      await a.backplane.publish([{ namespace: 'x', cursor: '10' }]);
      const items = [
        { namespace: 'y', cursor: '1' },
        { namespace: 'x', cursor: '9' },
      ];
      expect(await b.backplane.publish(items, { monotonic: true })).toMatchObject({
        replicated: false,
        stale: { index: 1, newest: '10' },
      });
      const fine = [
        { namespace: 'x', cursor: '10' },
        { namespace: 'z', cursor: '1' },
      ];
      expect(await b.backplane.publish(fine, { monotonic: true })).toMatchObject({ replicated: true });
      await a.untilHeard('z', '1');
      expect(a.heard('y')).toEqual([]);
    });

    test('a reset makes a lower cursor the newest, for those that come later too', async () => {
      const [a, b] = (await together(2)) as [RecordedNode, RecordedNode];
      await a.backplane.publish([{ namespace: 'x', cursor: '1000' }]);
      await b.untilHeard('x', '1000');
      await b.backplane.publish([{ namespace: 'x', cursor: '3', reset: true }]);
      await a.untilHeard('x', '3');
      expect(a.live.at(-1)).toEqual({ namespace: 'x', cursor: '3', epoch: 1 });
      expect(await a.backplane.publish([{ namespace: 'x', cursor: '4' }], { monotonic: true })).toMatchObject(
        { replicated: true },
      );
      const late = await node();
      expect(late.missed).toEqual([{ namespace: 'x', cursor: '4', epoch: 1 }]);
      // One that has just come and knows nothing belongs to the epoch that is.
      await late.backplane.publish([{ namespace: 'x', cursor: '5' }]);
      const later = await node();
      expect(later.missed).toEqual([{ namespace: 'x', cursor: '5', epoch: 1 }]);
    });

    test('clients of a namespace are granted up to the limit of the cluster, and no more', async () => {
      const [a, b] = (await together(2)) as [RecordedNode, RecordedNode];
      expect(await a.backplane.reserve('x', 7, 10)).toEqual({ granted: 7, checked: true });
      expect(await b.backplane.reserve('x', 7, 10)).toEqual({ granted: 3, checked: true });
      // Said again, it changes nothing.
      expect(await b.backplane.reserve('x', 3, 10)).toEqual({ granted: 3, checked: true });
      expect(await b.backplane.reserve('other', 10, 10)).toEqual({ granted: 10, checked: true });
      expect(await a.backplane.reserve('x', 5, 10)).toEqual({ granted: 5, checked: true });
      expect(await b.backplane.reserve('x', 7, 10)).toEqual({ granted: 5, checked: true });
      expect(await a.backplane.reserve('x', 0, 10)).toEqual({ granted: 0, checked: true });
      expect(await b.backplane.reserve('x', 99, Number.POSITIVE_INFINITY)).toEqual({
        granted: 99,
        checked: true,
      });
    });

    test('a limit is exact when all ask at once', async () => {
      const all = await together(3);
      const granted = new Map(all.map((one) => [one, 0]));
      const ask = async (one: RecordedNode) => {
        for (let i = 0; i < 60; i++) {
          const had = granted.get(one) as number;
          // Where it can, it does not ask.
          if (one.backplane.take?.('x', had + 1, 100)) granted.set(one, had + 1);
          else granted.set(one, (await one.backplane.reserve('x', had + 1, 100)).granted);
        }
      };
      await Promise.all(all.map(ask));
      expect([...granted.values()].reduce((sum, count) => sum + count, 0)).toBe(100);
      // Whoever leaves makes room for the others, and for nobody else.
      const [a, b] = all as [RecordedNode, RecordedNode, RecordedNode];
      const has = (granted.get(a) as number) - 5;
      if (!a.backplane.take?.('x', has, 100)) await a.backplane.reserve('x', has, 100);
      const more = (granted.get(b) as number) + 9;
      expect((await b.backplane.reserve('x', more, 100)).granted).toBe(more - 4);
    });

    test('what a process holds is free as soon as it is closed', async () => {
      const [a, b] = (await together(2)) as [RecordedNode, RecordedNode];
      await a.backplane.reserve('x', 10, 10);
      expect(await b.backplane.reserve('x', 1, 10)).toMatchObject({ granted: 0 });
      await a.backplane.close();
      expect(a.backplane.view().state).toBe('closed');
      expect(await b.backplane.reserve('x', 10, 10)).toMatchObject({ granted: 10 });
      await eventually(() => b.backplane.view().nodes.length === 1, 'the closed one is no node any more');
    });

    test('the view names every process, its version and its clients', async () => {
      const [a, b] = (await together(2)) as [RecordedNode, RecordedNode];
      a.clients = 12;
      await a.backplane.reserve('x', 12, Number.POSITIVE_INFINITY);
      await eventually(
        () => b.backplane.view().nodes.some(({ connections }) => connections === 12),
        '12 clients',
      );
      const { state, kept, lagMs, nodes } = b.backplane.view();
      expect({ state, kept }).toEqual({ state: 'up', kept: 0 });
      expect(lagMs).toBeGreaterThanOrEqual(0);
      expect(nodes.map(({ isSelf }) => isSelf).toSorted()).toEqual([false, true]);
      expect(new Set(nodes.map(({ id }) => id)).size).toBe(2);
    });

    test('closing twice, and what is called after it, does no harm', async () => {
      const [a] = (await together(1)) as [RecordedNode];
      await Promise.all([a.backplane.close(), a.backplane.close()]);
      expect(await a.backplane.publish([{ namespace: 'x', cursor: '1' }])).toMatchObject({
        replicated: false,
      });
      expect(await a.backplane.reserve('x', 2, 1)).toEqual({ granted: 2, checked: false });
      expect(a.states).toEqual(['up', 'closed']);
    });
  });
}

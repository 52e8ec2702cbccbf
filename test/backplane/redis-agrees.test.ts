import { afterAll, expect } from 'vitest';
import type { EngineLink, EngineMessage, EngineUpdate, UpdateMode } from '../../src/backplane/engine.js';
import { MemoryEngine } from '../../src/backplane/memory.js';
import { redisConnect } from '../../src/backplane/redis/link.js';
import { seededRandom } from '../../src/bench/measure/clock.js';
import { disposeRedis, startRedis, withRedis } from '../support/redis-server.js';

afterAll(disposeRedis);

const CURSORS = [
  '1',
  '2',
  '10',
  '7',
  '7-a',
  '7-B',
  '7-é',
  '7\u{1f600}',
  '7\uffee',
  'none',
  '9007199254740993',
  `9${'0'.repeat(200)}`,
];

async function everything(link: EngineLink): Promise<string[]> {
  const all: string[] = [];
  for await (const part of link.scan())
    all.push(...part.map(({ namespace, epoch, cursor }) => `${namespace} ${epoch} ${cursor}`));
  return all.sort();
}

withRedis('the scripts and the model answer alike, whatever they are given', async () => {
  const redis = await startRedis();
  const caller = { node: crypto.randomUUID(), session: 1 };
  const events = { message() {}, closed() {} };
  const { signal } = new AbortController();
  const target = { url: redis.url, prefix: 'p', maxNamespaces: 1000, warn() {} };
  const links = [
    await redisConnect(target)(caller, events, signal),
    await new MemoryEngine().connect(caller, events, signal),
  ] as const;
  let draw = 0;
  const random = () => seededRandom(7, 0, draw++);
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item;
  for (let step = 0; step < 400; step++) {
    if (step % 100 === 0)
      for (const link of links) await link.beat({ version: '1', connections: 1, count: step });
    const what = random();
    if (what < 0.8) {
      const items: EngineUpdate[] = Array.from({ length: 1 + Math.floor(random() * 4) }, () => ({
        namespace: pick(['x', 'y', 'Grüße']),
        cursor: pick(CURSORS),
        epoch: Math.floor(random() * 3),
        kind: pick(['merge', 'merge', 'adopt', 'reset'] as const),
      }));
      const mode = pick<UpdateMode>(['live', 'late', 'monotonic']);
      const [real, model] = await Promise.all(links.map((link) => link.update(items, mode)));
      expect(real, JSON.stringify({ items, mode })).toEqual(model);
    } else {
      const count = Math.floor(random() * 12);
      const [real, model] = await Promise.all(links.map((link) => link.reserve('x', count, 8)));
      expect(real).toBe(model);
    }
    const [real, model] = await Promise.all(links.map(everything));
    expect(real).toEqual(model);
  }
  for (const link of links) link.close();
});

withRedis('what an earlier connection of a node left behind is carried out as late', async () => {
  const redis = await startRedis();
  const target = { url: redis.url, prefix: 'p', maxNamespaces: 1000, warn() {} };
  const { signal } = new AbortController();
  for (const connect of [redisConnect(target), new MemoryEngine().connect]) {
    const heard: string[] = [];
    const events = {
      message(message: EngineMessage) {
        if (message.kind === 'cursors')
          heard.push(...message.items.map(({ cursor }) => `${message.late ? 'late' : 'live'} ${cursor}`));
      },
      closed() {},
    };
    const node = crypto.randomUUID();
    const earlier = await connect({ node, session: 1 }, { message() {}, closed() {} }, signal);
    await earlier.beat({ version: '1', connections: 0, count: 1 });
    const later = await connect({ node, session: 2 }, events, signal);
    const update = (cursor: string) => [{ namespace: 'x', cursor, epoch: 0, kind: 'merge' as const }];
    await earlier.update(update('5'), 'live');
    await later.beat({ version: '1', connections: 0, count: 1 });
    for (const cursor of ['6', '5', '6', '7']) await earlier.update(update(cursor), 'live');
    await later.update(update('7'), 'live');
    expect(heard).toEqual(['live 5', 'late 6', 'late 7', 'live 7']);
    for (const link of [earlier, later]) link.close();
  }
});

import { afterEach, describe, expect } from 'vitest';
import { RecordingLogger } from '../support/recording-logger.js';
import { prepareRedis, type RedisServer, startRedis, withRedis } from '../support/redis-server.js';
import { eventually } from './recorded-node.js';
import { begin, disposeNodes, proxyTo, two, x } from './redis-nodes.js';

afterEach(disposeNodes);

/** How many clients of the namespace `x` the engine knows of, of each node that has any. */
async function countsOf(redis: RedisServer): Promise<string> {
  const script = `local counts = {}
    for _, node in ipairs(redis.call('KEYS', '{datafn-ws}:node:*')) do
      counts[#counts + 1] = redis.call('HGET', node, 'x') or nil
    end
    table.sort(counts)
    return table.concat(counts, ' ')`;
  return (await redis.command('EVAL', script, '0')).split('\r\n')[1] ?? '';
}

describe('an engine that fails', () => {
  withRedis('kill -9 and a restart without its data: it is refilled, and what was kept arrives', async () => {
    const redis = await startRedis();
    const [a, b] = await two(redis.url);
    await a.backplane.publish([
      { namespace: 'x', cursor: '1' },
      { namespace: 'quiet', cursor: '7' },
    ]);
    await b.untilHeard('quiet', '7');
    await redis.kill();
    await Promise.all([a.untilState('down'), b.untilState('down')]);
    for (const cursor of ['2', '3', '4'])
      expect(await a.backplane.publish(x(cursor))).toMatchObject({ replicated: false });
    expect(a.backplane.view().kept).toBe(1);
    await redis.start();
    await b.untilHeard('x', '4');
    await Promise.all([a.untilState('up'), b.untilState('up')]);
    // Only the newest of those that were kept; and nothing twice.
    expect(b.heard('x')).toEqual(['1', '4']);
    expect(b.heard('quiet')).toEqual(['7']);
    expect(a.live).toEqual([]);
    await eventually(() => a.backplane.view().kept === 0, 'nothing kept');
    const late = begin(redis.url);
    await late.untilHeard('quiet', '7');
    await late.untilHeard('x', '4');
  });

  withRedis('kill -9 and a restart with its data', async () => {
    const redis = await startRedis('--appendonly', 'yes', '--appendfsync', 'always');
    const [a, b] = await two(redis.url);
    await a.backplane.publish(x('1'));
    await b.untilHeard('x', '1');
    await a.backplane.reserve('x', 5, 10);
    await redis.kill();
    await Promise.all([a.untilState('down'), b.untilState('down')]);
    await redis.start();
    await Promise.all([a.untilState('up'), b.untilState('up')]);
    expect(await b.backplane.reserve('x', 10, 10)).toEqual({ granted: 5, checked: true });
    await a.backplane.publish(x('2'));
    await b.untilHeard('x', '2');
    expect(b.heard('x')).toEqual(['1', '2']);
  });

  withRedis('clients that were admitted while it did not answer are told to it when it does', async () => {
    const redis = await startRedis();
    const [a, b] = await two(redis.url);
    await b.backplane.reserve('x', 5, 10);
    redis.stop();
    expect(await a.backplane.reserve('x', 8, 10)).toEqual({ granted: 8, checked: false });
    redis.continue();
    // What it was asked meanwhile, it answers late, with 5 of 8.
    await eventually(async () => (await countsOf(redis)) === '5 8', 'both counts');
    expect(await b.backplane.reserve('x', 6, 10)).toEqual({ granted: 5, checked: true });
    expect([a.states, b.states]).toEqual([['up'], ['up']]);
  });

  withRedis('FLUSHALL is noticed by the next beat, and undone', async () => {
    const redis = await startRedis();
    const [a, b] = await two(redis.url);
    await a.backplane.publish(x('5'));
    await b.untilHeard('x', '5');
    await a.backplane.reserve('x', 4, 10);
    await redis.command('FLUSHALL');
    await eventually(
      async () => (await redis.command('HGET', '{datafn-ws}:cursors', 'x')).includes(':5'),
      'the cursor is back',
    );
    // Looked up, as asking for slots before it is back would be granted them all.
    await eventually(async () => (await countsOf(redis)) === '4', 'the count of the other node is back');
    expect((await b.backplane.reserve('x', 10, 10)).granted).toBe(6);
    expect(b.heard('x')).toEqual(['5']);
    expect([a.states, b.states]).toEqual([['up'], ['up']]);
  });

  withRedis('CLIENT KILL: it reconnects, and catches up with what it missed', async () => {
    const redis = await startRedis();
    const direct = await proxyTo(redis.port);
    const [a, b] = await two(redis.url, direct.url);
    direct.isCut = true;
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await b.untilState('down');
    await a.untilState('up');
    await eventually(async () => (await a.backplane.publish(x('6'))).replicated, 'an acknowledgement');
    direct.isCut = false;
    await b.untilHeard('x', '6');
    expect(b.missed.map(({ cursor }) => cursor)).toEqual(['6']);
  });

  withRedis('READONLY: an engine that has become a replica is as good as none', async () => {
    const redis = await startRedis();
    const other = await startRedis();
    const [a] = await two(redis.url);
    await redis.command('REPLICAOF', '127.0.0.1', String(other.port));
    await a.untilState('down');
    expect(a.reasons.at(-1)).toMatch(/^READONLY/);
    expect(await a.backplane.publish(x('1'))).toMatchObject({ replicated: false });
    await redis.command('REPLICAOF', 'NO', 'ONE');
    await a.untilState('up');
    await eventually(
      async () => (await redis.command('HGET', '{datafn-ws}:cursors', 'x')).includes(':1'),
      'what was kept',
    );
  });

  withRedis('a full memory: what was published is kept until there is room', async () => {
    const redis = await startRedis();
    const [a, b] = await two(redis.url);
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    expect(await a.backplane.publish(x('1'))).toMatchObject({ replicated: false });
    await a.untilState('down');
    expect(a.reasons.at(-1)).toMatch(/^OOM/);
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await b.untilHeard('x', '1');
    expect(b.heard('x')).toEqual(['1']);
  });

  withRedis('a link that is reset under load loses and doubles nothing that counts', async () => {
    const redis = await startRedis();
    const proxy = await proxyTo(redis.port);
    const [a, b] = await two(proxy.url, redis.url);
    for (let cursor = 1; cursor <= 200; cursor++) {
      if (cursor % 50 === 0) proxy.reset();
      await a.backplane.publish(x(String(cursor)));
    }
    await b.untilHeard('x', '200');
    const heard = b.heard('x');
    expect(new Set(heard).size).toBe(heard.length);
  });

  withRedis('started before the engine: what was published meanwhile arrives', async () => {
    const redis = await prepareRedis();
    const [a, b] = [begin(redis.url), begin(redis.url)];
    expect(await a.backplane.publish(x('1'))).toMatchObject({ replicated: false });
    await Promise.all([a.untilState('down'), b.untilState('down')]);
    expect(a.reasons[0]).toContain('ECONNREFUSED');
    await redis.start();
    await b.untilHeard('x', '1');
    expect(b.missed).toEqual([{ namespace: 'x', cursor: '1', epoch: 0 }]);
  });

  withRedis('two engines swapped: what each has is merged', async () => {
    const [redis, other] = [await startRedis(), await startRedis()];
    const proxy = await proxyTo(redis.port);
    const elsewhere = begin(other.url);
    await elsewhere.untilState('up');
    await elsewhere.backplane.publish([
      { namespace: 'x', cursor: '50' },
      { namespace: 'y', cursor: '1' },
    ]);
    const a = begin(proxy.url);
    await a.untilState('up');
    await a.backplane.publish([
      { namespace: 'x', cursor: '40' },
      { namespace: 'y', cursor: '2' },
    ]);
    proxy.target = other.port;
    proxy.reset();
    await a.untilHeard('x', '50');
    await elsewhere.untilHeard('y', '2');
    expect(a.heard('y')).toEqual([]);
  });

  withRedis('what is not fit for the channel or the hash is ignored, with one warning', async () => {
    const redis = await startRedis();
    const logger = new RecordingLogger();
    const a = begin(redis.url, { logger });
    await a.untilState('up');
    const junk = [
      '',
      'cursors',
      'cursors\x1enode\x1e1\x1elive\x1ex\x1f0\x1f1',
      `beat\x1e${'0'.repeat(36)}\x1e-1`,
    ];
    for (const text of junk) await redis.command('PUBLISH', '{datafn-ws}:channel', text);
    await redis.command('HSET', '{datafn-ws}:cursors', 'y', 'nonsense', 'z', '0:5:0:5\n');
    const b = begin(redis.url, { logger });
    await b.untilState('up');
    await b.backplane.publish(x('1'));
    await a.untilHeard('x', '1');
    expect([a.live.length, a.missed, b.missed]).toEqual([1, [], []]);
    expect(logger.warnings.map(({ message }) => message).toSorted()).toEqual([
      'Ignored a field of {datafn-ws}:cursors that no node wrote',
      'Ignored a message on the channel {datafn-ws}:channel that no node sends',
    ]);
  });

  withRedis('an engine that evicts is warned of, with the setting to change', async () => {
    const redis = await startRedis('--maxmemory-policy', 'allkeys-lru');
    const logger = new RecordingLogger();
    await begin(redis.url, { logger }).untilState('up');
    await eventually(() => logger.warnings.length > 0, 'a warning');
    expect(logger.warnings[0]?.message).toContain('maxmemory-policy to noeviction, it is allkeys-lru');
  });

  withRedis(
    'the hash is bounded: of more namespaces, those that changed last are likely to stay',
    async () => {
      const redis = await startRedis();
      const a = begin(redis.url, { maxNamespaces: 100 });
      await a.untilState('up');
      const items = Array.from({ length: 1000 }, (_, i) => ({ namespace: `n${i}`, cursor: '1' }));
      await a.backplane.publish(items);
      expect(await redis.command('HLEN', '{datafn-ws}:cursors')).toBe(':100\r\n');
    },
  );
});

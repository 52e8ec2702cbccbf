import { afterEach, describe, expect } from 'vitest';
import { startRedis, withRedis } from '../support/redis-server.js';
import { eventually } from './recorded-node.js';
import { disposeNodes, proxyTo, two, x } from './redis-nodes.js';

afterEach(disposeNodes);

describe('an engine, a link or a node that fails for some seconds', () => {
  withRedis('SIGSTOP: an emit is answered in time, and nothing is heard twice when it goes on', async () => {
    const redis = await startRedis();
    const [a, b] = await two(redis.url);
    redis.stop();
    const startedAtMs = performance.now();
    const first = a.backplane.publish(x('1'));
    const second = a.backplane.publish(x('2'));
    expect(await first).toMatchObject({ replicated: false });
    expect(await second).toMatchObject({ replicated: false });
    expect(performance.now() - startedAtMs).toBeGreaterThan(900);
    await Promise.all([a.untilState('down'), b.untilState('down')]);
    expect(a.reasons.at(-1)).toBe('nothing was heard for 3.5 s');
    await a.backplane.publish(x('3'));
    redis.continue();
    await b.untilHeard('x', '3');
    await Promise.all([a.untilState('up'), b.untilState('up')]);
    await a.backplane.publish(x('4'));
    await b.untilHeard('x', '4');
    const heard = b.heard('x');
    expect(new Set(heard).size).toBe(heard.length);
  });

  withRedis('a mute link: nothing is acknowledged, it is given up, and all is caught up with', async () => {
    const redis = await startRedis();
    const proxy = await proxyTo(redis.port);
    const [a, b] = await two(redis.url, proxy.url);
    proxy.isMute = true;
    await a.backplane.publish(x('1'));
    expect(await b.backplane.publish([{ namespace: 'y', cursor: '1' }])).toMatchObject({ replicated: false });
    await b.untilState('down');
    proxy.isMute = false;
    proxy.reset();
    await Promise.all([b.untilHeard('x', '1'), a.untilHeard('y', '1')]);
    expect([b.heard('x'), a.heard('y')]).toEqual([['1'], ['1']]);
  });

  withRedis('a slow link is slow, and nothing else', async () => {
    const redis = await startRedis();
    const proxy = await proxyTo(redis.port);
    const [a, b] = await two(redis.url, proxy.url);
    proxy.delayMs = 200;
    await a.backplane.publish(x('1'));
    await b.untilHeard('x', '1');
    await eventually(async () => (await b.backplane.publish(x('2'))).replicated, 'an acknowledgement');
    await eventually(() => (b.backplane.view().lagMs ?? 0) >= 390, 'a lag that shows it');
    expect(b.states).toEqual(['up']);
  });

  withRedis('the slots of a node that died are free after its lease', async () => {
    const redis = await startRedis();
    const proxy = await proxyTo(redis.port);
    const [a, b] = await two(redis.url, proxy.url);
    await b.backplane.reserve('x', 10, 10);
    proxy.isMute = true;
    expect(await a.backplane.reserve('x', 1, 10)).toMatchObject({ granted: 0 });
    await eventually(
      async () => (await a.backplane.reserve('x', 1, 10)).granted === 1,
      'the end of the lease',
    );
    // It comes back, and says again what it has.
    proxy.isMute = false;
    proxy.reset();
    await b.untilState('up');
    await eventually(async () => (await a.backplane.reserve('x', 5, 10)).granted === 1, 'no more slots');
  });
});

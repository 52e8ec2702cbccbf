import { afterAll } from 'vitest';
import { redisBackplane } from '../../src/backplane/redis.js';
import { disposeRedis, hasRedis, type RedisServer, startRedis } from '../support/redis-server.js';
import { backplaneContract } from './contract.js';

let redis: RedisServer | undefined;

backplaneContract({
  name: 'Redis',
  isAvailable: hasRedis,
  async make() {
    redis ??= await startRedis();
    // Longer than a busy machine takes to acknowledge.
    return redisBackplane({ url: redis.url, timeoutMs: 30_000 });
  },
  async dispose() {
    await redis?.command('FLUSHALL');
  },
});

afterAll(disposeRedis);

import { afterAll } from 'vitest';
import { redisBackplane } from '../../src/backplane/redis.js';
import { disposeRedis, hasRedis, type RedisServer, startRedis } from '../support/redis-server.js';
import { backplaneContract } from './contract.js';
import { nodeAsBackplane } from './node-of-workers.js';

let redis: RedisServer | undefined;

backplaneContract({
  name: 'ipc on Redis',
  isAvailable: hasRedis,
  async make() {
    redis ??= await startRedis();
    // Longer than a busy machine takes to acknowledge.
    return nodeAsBackplane(redisBackplane({ url: redis.url, timeoutMs: 30_000 }));
  },
  async dispose() {
    await redis?.command('FLUSHALL');
  },
});

afterAll(disposeRedis);

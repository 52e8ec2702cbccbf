import { availableParallelism, cpus, totalmem } from 'node:os';
import type { JsonResult } from '../../bench/report/schema.js';

/** Where it ran. */
export function machine(): JsonResult['machine'] {
  return {
    node: process.version,
    platform: process.platform,
    arch: process.arch,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  };
}

import { formatCount, formatDuration } from '../../../text/units.js';
import { numbers, type Section, section, table } from '../model.js';
import type { JsonResult } from '../schema.js';

/** The shards of a merged result: who played how many clients, and how well the clocks are known. */
export function mergedShards({ merged }: JsonResult): Section[] {
  if (merged === undefined) return [];
  const rows = merged.shards.map(({ clients, uncertaintyMs, machine }, index) => [
    `${index + 1} of ${merged.shards.length}`,
    formatCount(clients),
    uncertaintyMs === undefined ? 'not known' : `± ${formatDuration(uncertaintyMs)}`,
    machine,
  ]);
  return section(
    'Shards',
    'detail',
    table('Parts of the run', ['shard', ...numbers('clients', 'clock'), 'machine'], rows),
  );
}

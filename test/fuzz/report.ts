import { formatCount, formatDuration, formatSize } from '../../src/text/units.js';
import type { CampaignResult } from './campaign.js';
import type { HostileResult } from './hostile/hostile-campaign.js';

/** What a run came to, in full. */
export function details({ toll, slowConnections, before, after }: CampaignResult): string {
  const kinds = Object.entries(toll.inputs).map(([kind, count]) => `${formatCount(count)} ${kind}`);
  return [
    `inputs: ${kinds.join(', ')}`,
    `${formatCount(toll.sessions)} connections, and ${formatCount(slowConnections)} slow ones`,
    `answered with ${listOf(toll.answers)}`,
    `what the server must have counted: ${toll.ledger}; ${formatCount(toll.ledger.unknownConnections)} connections were reset unanswered`,
    `resident memory: ${formatSize(before.rss)} before, ${formatSize(after.rss)} after`,
  ].join('\n');
}

/** A row of the table in `docs/security.md`. */
export function row(name: string, result: CampaignResult, ms: number): string {
  const { toll, faults, healthyCursors, roundTripP99Ms, before, after } = result;
  const cells = [
    `\`${name}\``,
    formatCount(toll.total),
    formatCount(toll.sessions),
    formatDuration(ms),
    listOf(toll.answers, 5),
    formatCount(healthyCursors),
    `${roundTripP99Ms.toFixed(1)} ms`,
    `${formatSize(before.live)}, ${formatSize(after.live)}`,
    faults.length === 0 ? 'none' : formatCount(faults.length),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** As {@link details}, of commands against hostile servers. */
export function hostileDetails({ inputs }: HostileResult): string {
  return `answered with: ${listOf(inputs)}`;
}

/** As {@link row}, of commands against hostile servers. */
export function hostileRow(result: HostileResult, ms: number): string {
  const { inputs, runs, exits, faults, healthyCursors, roundTripP99Ms, peakBytes } = result;
  const answers = [...inputs.values()].reduce((sum, count) => sum + count, 0);
  const cells = [
    '`servers`',
    `${formatCount(answers)} answers`,
    `${formatCount(runs)} commands`,
    formatDuration(ms),
    [...exits].map(([exit, count]) => `${formatCount(count)} × ${exit}`).join(', '),
    formatCount(healthyCursors),
    `${roundTripP99Ms.toFixed(1)} ms`,
    `at most ${formatSize(peakBytes)} resident`,
    faults.length === 0 ? 'none' : formatCount(faults.length),
  ];
  return `| ${cells.join(' | ')} |`;
}

function listOf(counts: ReadonlyMap<string, number>, most = Number.POSITIVE_INFINITY): string {
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([what, count]) => `${formatCount(count)} × ${what}`)
    .join(', ');
}

import { formatCount, formatDuration, formatSize } from '../../src/protocol/units.js';
import type { CampaignResult } from './campaign.js';

/** What a run came to, in full. */
export function details({ toll, slowConnections, before, after }: CampaignResult): string {
  const kinds = Object.entries(toll.inputs).map(([kind, count]) => `${formatCount(count)} ${kind}`);
  return [
    `inputs: ${kinds.join(', ')}`,
    `${formatCount(toll.sessions)} connections, and ${formatCount(slowConnections)} slow ones`,
    `answered with ${answersOf(toll.answers, Number.POSITIVE_INFINITY)}`,
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
    answersOf(toll.answers, 5),
    formatCount(healthyCursors),
    `${roundTripP99Ms.toFixed(1)} ms`,
    `${formatSize(before.live)}, ${formatSize(after.live)}`,
    faults.length === 0 ? 'none' : formatCount(faults.length),
  ];
  return `| ${cells.join(' | ')} |`;
}

function answersOf(answers: ReadonlyMap<string, number>, most: number): string {
  return [...answers]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([what, count]) => `${formatCount(count)} × ${what}`)
    .join(', ');
}

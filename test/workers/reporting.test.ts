import { expect, test } from 'vitest';
import type { Batches } from '../../src/workers/batches.js';
import type { ToPrimary } from '../../src/workers/messages.js';
import { Reports } from '../../src/workers/reporting.js';

function reporting() {
  const sent: ToPrimary[] = [];
  const batches = { waiting: 0, send: (message: ToPrimary) => void sent.push(message) };
  const reports = new Reports(batches as unknown as Batches<ToPrimary>, {
    events: ['rejectedUpgrade'],
    levels: ['warn', 'error'],
  });
  return { sent, batches, reports };
}

test('a worker reports only what the primary listens to', () => {
  const { sent, reports } = reporting();
  reports.logger?.info('nothing');
  reports.logger?.warn('a warning', { port: 1 });
  reports.observer?.rejectedUpgrade?.(404, 'nowhere');
  expect(Object.keys(reports.observer ?? {})).toEqual(['rejectedUpgrade']);
  expect(reports.broadcast).toBeUndefined();
  expect(sent).toEqual([
    { type: 'log', level: 'warn', message: 'a warning', context: { port: 1 } },
    { type: 'event', name: 'rejectedUpgrade', args: [404, 'nowhere'] },
  ]);
});

test('while the log is too slow, lines are dropped, and counted once it is not', () => {
  const { sent, batches, reports } = reporting();
  batches.waiting = 20_000;
  for (let count = 0; count < 5; count++) reports.logger?.warn('lost');
  expect(sent).toEqual([]);
  batches.waiting = 19_999;
  for (const message of ['first', 'second']) reports.logger?.warn(message);
  expect(sent.map((one) => one.type === 'log' && [one.level, one.message, one.context])).toEqual([
    ['error', 'Events of a worker were dropped: the log was too slow', { dropped: 5 }],
    ['warn', 'first', undefined],
    ['warn', 'second', undefined],
  ]);
});

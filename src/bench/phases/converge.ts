import { formatDuration } from '../../text/units.js';
import { lasting, strict } from '../format/fields.js';
import { monotonicMs } from '../measure/clock.js';
import type { PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

interface ConvergePhase extends PhaseAction {
  readonly kind: 'converge';
  readonly withinMs: number;
}

const settings = strict({
  within: lasting.default(10_000).describe('How long to wait at most. Default 10s.'),
});

export const converge = phaseKind({
  summary: 'Waits until every client is connected and has the newest cursor of its namespace.',
  schema: () => settings,
  complete: ({ within }): ConvergePhase => ({ kind: 'converge', withinMs: within }),
  label: ({ within }) => `converge within ${formatDuration(within)}`,
  plannedMs: () => 0,
  patienceMs: ({ withinMs }) => withinMs,
  load: 'other',
  progress: () => ({ late: 'waiting for clients that are behind' }),
  async run({ withinMs }, run) {
    const startMs = monotonicMs();
    const reports = await run.call('converge', { startMs, deadlineMs: startMs + withinMs });
    const { measurements } = run;
    if (reports.some(({ missing }) => missing > 0)) measurements.unrecovered += 1;
    else measurements.recovery.record(Math.max(...reports.map(({ longestMs }) => longestMs)));
  },
});

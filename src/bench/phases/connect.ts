import { z } from 'zod';
import { formatAmount, formatCount } from '../../text/units.js';
import {
  cohortName,
  duration,
  expected,
  lasting,
  rangeWords,
  rate,
  rateRange,
  stageList,
  strict,
} from '../format/fields.js';
import { monotonicMs } from '../measure/clock.js';
import { type Arrivals, arrivalMs, arrivalsWithin, type PhaseAction } from '../model/scenario.js';
import { phaseKind } from './kind.js';

export interface ConnectPhase extends PhaseAction {
  readonly kind: 'connect';
  /** Index into the cohorts of the scenario. */
  readonly cohort: number;
  /** `undefined` for all at once. */
  readonly arrivals: Arrivals | undefined;
  readonly timeoutMs: number;
}

const DEFAULT_PER_SECOND = 1000;
const DEFAULT_RATE = { fromPerSecond: DEFAULT_PER_SECOND, toPerSecond: DEFAULT_PER_SECOND };
const WAYS = ['rate', 'ramp', 'stages', 'atOnce'] as const;

const settings = strict({
  cohort: cohortName.describe('The cohort that connects.'),
  rate: rateRange
    .optional()
    .describe(
      `Arrival rate, whatever the server does, or a range such as 100/s..2000/s that it covers linearly until the last arrival. Default ${DEFAULT_PER_SECOND}/s.`,
    ),
  ramp: strict({
    from: rate.describe('Arrival rate at the beginning.'),
    to: rate.describe('Arrival rate at the end.'),
    over: duration
      .optional()
      .describe('How long the rate changes; then it is constant. Default: until the last arrival.'),
  })
    .optional()
    .describe('Arrivals at a rate that changes linearly.'),
  stages: stageList
    .optional()
    .describe('Arrival rates one after the other; the last one goes on until the last arrival.'),
  atOnce: z
    .literal(true, { error: expected('true') })
    .optional()
    .describe('All clients at the same time.'),
  timeout: lasting.default(10_000).describe('How long a handshake may take. Default 10s.'),
}).superRefine((phase, context) => {
  const given = WAYS.filter((key) => phase[key] !== undefined);
  if (given.length <= 1) return;
  const message = `expected one of ${WAYS.join(', ')}, got ${given.join(' and ')}`;
  context.addIssue({ code: 'custom', message });
});

export const connect = phaseKind({
  summary: 'Clients of a cohort connect.',
  schema: () => settings,
  complete({ cohort, rate: range = DEFAULT_RATE, ramp, stages, atOnce, timeout }, names): ConnectPhase {
    const arrivals = {
      fromPerSecond: ramp?.from ?? range.fromPerSecond,
      toPerSecond: ramp?.to ?? range.toPerSecond,
      overMs: ramp?.over,
      ...(stages === undefined ? {} : { stages }),
    };
    return {
      kind: 'connect',
      cohort: names.cohort(cohort),
      arrivals: atOnce ? undefined : arrivals,
      timeoutMs: timeout,
    };
  },
  label({ cohort, rate: range = DEFAULT_RATE, ramp, stages, atOnce }, names) {
    const given = ramp === undefined ? range : { fromPerSecond: ramp.from, toPerSecond: ramp.to };
    const speed =
      stages === undefined ? `at ${rangeWords(given)}/s` : `in ${formatAmount(stages.length, 'stage')}`;
    const clients = names.cohorts[names.cohort(cohort)]?.clients ?? 0;
    return `connect ${formatAmount(clients, 'client')} (${cohort}) ${atOnce ? 'at once' : speed}`;
  },
  plannedMs({ cohort, arrivals }, cohorts) {
    const clients = cohorts[cohort]?.clients ?? 0;
    return arrivalMs(arrivals, clients, clients);
  },
  load: 'connect',
  counts: ['opened'],
  progress({ cohort }, cohorts, open) {
    const { name, clients } = cohorts[cohort] ?? { name: '', clients: 0 };
    const connected = open[cohort] ?? 0;
    const text = `${formatCount(connected)} of ${formatCount(clients)} connected`;
    return { name, done: { share: connected / clients, text } };
  },
  async run(action, run) {
    const startMs = run.startMs();
    const { cohort, arrivals } = action;
    const clients = run.scenario.cohorts[cohort]?.clients ?? 0;
    const unfollow = run.followConnects((atMs) => arrivalsWithin(arrivals, clients, atMs - startMs));
    await run.call('connect', { ...action, startMs });
    unfollow(monotonicMs());
  },
});

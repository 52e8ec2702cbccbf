import { emptyMeasurements, type Measurements } from './measurements.js';
import { type CounterName, Tally } from './tally.js';

/** What counts of deliveries; what a server must never do (leak a cursor, break the protocol) counts always. */
const DELIVERIES: readonly CounterName[] = [
  'expected',
  'received',
  'lost',
  'duplicated',
  'reordered',
  'conflated',
  'behind',
  'late',
];

/** What a warm-up adds to the whole run: what became of its connections, and no durations or deliveries. */
export function withoutTimes(warmUp: Measurements): Measurements {
  const none = emptyMeasurements(warmUp.cohorts);
  return {
    ...none,
    server: warmUp.server,
    cohorts: warmUp.cohorts.map((cohort) => {
      const data = cohort.tally.toData();
      const counters = { ...data.counters };
      for (const name of DELIVERIES) counters[name] = 0;
      return { ...cohort, tally: Tally.from({ ...data, counters, histograms: {} }) };
    }),
  };
}

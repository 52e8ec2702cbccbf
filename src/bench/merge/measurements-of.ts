import type { BehaviorName } from '../behaviors/behaviors.js';
import { wholeEmits } from '../measure/emit-record.js';
import { Histogram, type HistogramData } from '../measure/histogram.js';
import { emptyMeasurements, type Measurements } from '../measure/measurements.js';
import { Tally, type TallyData } from '../measure/tally.js';
import type { JsonResult } from '../report/schema.js';

type JsonMeasurements = JsonResult['total'];
type JsonCohort = JsonMeasurements['cohorts'][number];
type JsonPart = NonNullable<JsonMeasurements['part']>;
type JsonHistogram = JsonMeasurements['histograms'][string];

/**
 * Adds up what the shards measured at the same time, the first shard's first. Counts and buckets of histograms are
 * added; of what the server says, and of emits, the first shard knows all.
 */
export function mergedMeasurements(shards: readonly JsonMeasurements[]): Measurements {
  const [first] = shards as [JsonMeasurements];
  const whole = emptyMeasurements(
    first.cohorts.map(({ name, behavior }, index) => ({
      name,
      clients: first.cohorts[index]?.clients ?? 0,
      behavior: behavior as BehaviorName,
    })),
  );
  for (const one of shards) addShard(whole, one);
  whole.server = shards[0]?.part?.server ?? {};
  const emits = wholeEmits(shards.flatMap(({ part }) => part?.emits ?? []));
  for (const { skew, convergedMs } of emits) {
    whole.skew.add(skew.toHistogram());
    if (convergedMs === undefined) continue;
    if (Number.isFinite(convergedMs)) whole.convergence.record(convergedMs);
    else whole.unconverged += 1;
  }
  mergeRecovery(whole, shards);
  return whole;
}

function addShard(whole: Measurements, { cohorts, histograms, part }: JsonMeasurements): void {
  const { cohorts: ofPart, emit } = part as JsonPart;
  for (const [index, cohort] of whole.cohorts.entries()) {
    const one = cohorts[index];
    const more = ofPart[index];
    if (one === undefined || more === undefined) continue;
    cohort.tally.add(tallyOf(one));
    cohort.open += one.open;
    cohort.unpinged += more.unpinged;
    cohort.pingsOwed += more.pingsOwed;
    cohort.pingsOverdue += more.pingsOverdue;
    cohort.cursorsOwed += more.cursorsOwed;
    cohort.leftBehind += more.leftBehind;
  }
  whole.emit.broadcasts += emit.broadcasts;
  whole.emit.failed += emit.failed;
  whole.emit.delivered += emit.delivered;
  whole.emit.lag.add(histogramOf(histograms.emitLag));
  whole.emit.time.add(histogramOf(histograms.emitTime));
}

/** Clients have caught up when those of all shards have: of each wait, the longest. */
function mergeRecovery(whole: Measurements, shards: readonly JsonMeasurements[]): void {
  const longest = shards.reduce<JsonHistogram | undefined>((most, { histograms: { recovery } }) => {
    return recovery !== undefined && recovery.max > (most?.max ?? -1) ? recovery : most;
  }, undefined);
  whole.recovery.add(histogramOf(longest));
  whole.unrecovered = Math.max(...shards.map(({ part }) => part?.unrecovered ?? 0));
}

function tallyOf({ counters, histograms, evidence = [], otherMessages = [], ...ledgers }: JsonCohort): Tally {
  const data: Omit<TallyData, 'counters' | 'histograms'> = {
    closed: Object.entries(ledgers.closed),
    rejected: Object.entries(ledgers.rejected),
    errors: Object.entries(ledgers.errors),
    pullFailures: Object.entries(ledgers.pullFailures ?? {}),
    evidence: evidence.map(({ counter, ...sighting }) => [counter, sighting] as const),
    otherMessages,
  };
  return Tally.from({
    ...data,
    counters: counters as TallyData['counters'],
    histograms: Object.fromEntries(
      Object.entries(histograms).map(([name, one]) => [name, dataOf(one)]),
    ) as TallyData['histograms'],
  });
}

function histogramOf(json: JsonHistogram | undefined): Histogram {
  return json === undefined ? new Histogram() : Histogram.from(dataOf(json));
}

function dataOf({ count, mean, min, max, buckets }: JsonHistogram): HistogramData {
  return { count, sumMs: mean * count, minMs: min, maxMs: max, buckets };
}

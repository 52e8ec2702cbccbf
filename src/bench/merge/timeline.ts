import type { JsonResult } from '../report/schema.js';

type Timeline = JsonResult['timeline'];
type Point = Timeline[number];

/** How far apart the seconds of two shards may be. */
const APART_MS = 600;

/**
 * The seconds of the whole run, at the times of the first shard. Latencies are left out: a percentile of percentiles is
 * none.
 */
export function mergedTimeline(shards: readonly Timeline[]): Timeline {
  const [first = [], ...others] = shards;
  return first.map((point) => {
    const all = [point, ...others.flatMap((timeline) => nearest(timeline, point.atMs) ?? [])];
    const sum = (of: (one: Point) => number) => all.reduce((total, one) => total + of(one), 0);
    const { fanoutP50Ms: _p50, fanoutP99Ms: _p99, workerDelayP99Ms: _delay, ...ofFirst } = point;
    const delays = all.flatMap(({ workerDelayP99Ms }) => workerDelayP99Ms ?? []);
    return {
      ...ofFirst,
      open: sum(({ open }) => open),
      deliveriesPerSecond: sum(({ deliveriesPerSecond }) => deliveriesPerSecond),
      ...(delays.length === 0 ? {} : { workerDelayP99Ms: Math.max(...delays) }),
    };
  });
}

function nearest(timeline: Timeline, atMs: number): Point | undefined {
  const distance = (point: Point) => Math.abs(point.atMs - atMs);
  const [best] = [...timeline].sort((a, b) => distance(a) - distance(b));
  return best !== undefined && distance(best) <= APART_MS ? best : undefined;
}

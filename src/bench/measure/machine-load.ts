import { cpus } from 'node:os';

/** CPU time of the whole machine, all cores added up, since it started. */
export interface MachineCpu {
  readonly busyMs: number;
  readonly totalMs: number;
}

export function machineCpu(): MachineCpu {
  let [busyMs, totalMs] = [0, 0];
  for (const { times } of cpus()) {
    const { idle, ...busy } = times;
    const coreMs = Object.values(busy).reduce((sum, ms) => sum + ms, 0);
    busyMs += coreMs;
    totalMs += coreMs + idle;
  }
  return { busyMs, totalMs };
}

/** The share of the machine that others took: what was used between two times, less what bench and its server used. */
export function shareOfOthers(from: MachineCpu, to: MachineCpu, ownMs: number): number {
  const totalMs = to.totalMs - from.totalMs;
  if (totalMs <= 0) return 0;
  return Math.min(1, Math.max(0, to.busyMs - from.busyMs - ownMs) / totalMs);
}

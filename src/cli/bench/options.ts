import { FORMATS, type FormatName } from '../../bench/report/formats/index.js';
import { benchOptions, outputFile } from '../../options/bench.js';
import type { Resolved } from '../../options/spec.js';

/** A flag for each format of a report. */
export const reportOptions = Object.fromEntries(
  Object.entries(FORMATS).map(([name, { what, ...more }]) => [
    name,
    { ...outputFile(what), ...('group' in more ? { group: more.group } : {}) },
  ]),
) as Record<FormatName, ReturnType<typeof outputFile>>;

/** Every flag of `bench`. */
export const benchFlags = { ...benchOptions, ...reportOptions } as const;

export type BenchFlags = Resolved<typeof benchFlags>;

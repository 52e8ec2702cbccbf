import type { Scenario } from '../../bench/model/scenario.js';
import { planRun } from '../../bench/plan-run.js';
import type { RunOptions } from '../../bench/run.js';
import { loadScenario, scenarioFile } from '../../bench/scenario/load.js';
import type { ShardOptions } from '../../bench/shard/shard.js';
import { fitToTarget } from '../../bench/target/fit.js';
import type { RunFlags, RunTable } from '../../options/bench.js';
import type { TracedOptions } from '../../options/spec.js';
import { maskedUrl } from '../../options/urls.js';
import { DatafnWsError, type ErrorCode } from '../../protocol/errors.js';
import type { Io } from '../io.js';
import { remoteOptions } from './remote-options.js';
import { replayFlags } from './replay-flags.js';

/** A scenario, and how it is going to be run. */
export interface Plan {
  readonly scenario: Scenario;
  readonly options: Omit<RunOptions, 'observer'>;
}

/**
 * Reads every scenario before any is run.
 *
 * @throws {DatafnWsError} `ERR_INVALID_SCENARIO` with what is wrong with all of them.
 */
export async function loadAll(
  names: readonly string[],
  { set, seed }: RunFlags,
): Promise<readonly Scenario[]> {
  const files = await Promise.all(names.map(scenarioFile));
  return allOf('ERR_INVALID_SCENARIO', files, (file) => loadScenario(file, { set, seed }));
}

/**
 * Finds out of every scenario, before any is run, whether it can be run as the flags say.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` with what is wrong with all of them.
 */
export function planAll(
  scenarios: readonly Scenario[],
  traced: TracedOptions<RunTable>,
  { env }: Pick<Io, 'env'>,
  signal: AbortSignal,
  shard?: ShardOptions,
): Promise<readonly Plan[]> {
  const flags = traced.values;
  const target = {
    urls: flags.url,
    redis: flags.redis,
    serverCommand: flags.serverCommand,
    adminUrls: flags.adminUrl,
    adminToken: flags.adminToken,
    workers: flags.workers,
    namespacePrefix: flags.namespacePrefix,
    hasPreflight: flags.preflight !== false,
    isStrict: flags.strict,
    replayFlags: replayFlags(traced),
    env,
    signal,
    shard,
  };
  return allOf('ERR_INVALID_OPTION', scenarios, async (whole) => {
    const scenario = fitToTarget(whole, target);
    if (shard !== undefined) (await import('../../bench/shard/timetable.js')).checkSharded(scenario);
    const options = { ...target, ...(await remoteOptions(flags, scenario)) };
    planRun(scenario, options);
    return { scenario, options };
  });
}

/** What a run is going to test, in words. */
export function plannedTarget({ urls, serverCommand }: Plan['options']): string {
  if (urls.length > 0) return urls.map(maskedUrl).join(', ');
  return serverCommand === undefined ? 'a server that bench starts' : `the server of ${serverCommand}`;
}

/** What comes of every item; else one error that says what is wrong with any of them. */
async function allOf<Item, Made>(
  code: ErrorCode,
  items: readonly Item[],
  make: (item: Item) => Promise<Made>,
): Promise<readonly Made[]> {
  const settled = await Promise.allSettled(items.map(make));
  const errors = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  const other = errors.find((error) => !(error instanceof DatafnWsError));
  if (other !== undefined) throw other;
  if (errors.length > 0)
    throw new DatafnWsError(code, [...new Set(errors.map(({ message }) => message))].join('\n'));
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

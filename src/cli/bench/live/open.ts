import type { RunFlags } from '../../../options/bench.js';
import type { Io } from '../../io.js';
import type { Live } from './live.js';

/**
 * Opens what shows runs while they go on, if a flag asks for it. Its modules are loaded then only.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when it cannot listen.
 */
export async function openLive(
  flags: Pick<RunFlags, 'live' | 'metricsListen'>,
  io: Io,
): Promise<Live | undefined> {
  if (flags.live === undefined && flags.metricsListen === undefined) return undefined;
  return (await import('./live.js')).Live.open(flags, io);
}

import { dirname, resolve } from 'node:path';
import { serveOptions } from '../../options/serve-flags.js';
import { type TracedOptions, traceOptions } from '../../options/spec.js';
import { readInput } from '../input-files.js';
import type { Io } from '../io.js';

export type TracedServeOptions = TracedOptions<typeof serveOptions>;

/**
 * The options of `serve` from flags, environment and config file.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` with a line for each value that is not valid.
 */
export async function readServeOptions(
  flags: Readonly<Record<string, string>>,
  { env }: Pick<Io, 'env'>,
): Promise<TracedServeOptions> {
  const { values, origins } = traceOptions({ config: serveOptions.config }, { flags, env });
  const { config: file } = values;
  if (file === undefined) return traceOptions(serveOptions, { flags, env });
  const text = (await readInput(file, origins.config.from)).toString();
  // Loaded on demand: parsing YAML needs a package.
  const { parseConfig } = await import('../../options/config-file.js');
  const config = parseConfig(serveOptions, text, { source: file, folder: dirname(resolve(file)) });
  return traceOptions(serveOptions, { flags, env, config });
}

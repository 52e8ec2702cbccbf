import { dirname, resolve } from 'node:path';

import { readFileOfAnyKind } from '../../options/read-file.js';

import { serveOptions } from '../../options/serve.js';
import { type ConfigFile, type TracedOptions, traceOptions } from '../../options/spec.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import type { Io } from '../io.js';

export type TracedServeOptions = TracedOptions<typeof serveOptions>;

/**
 * The options of `serve` from flags, environment and config file.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` with everything that is wrong with any of them, a line each.
 */
export async function readServeOptions(
  flags: Readonly<Record<string, string>>,
  { env }: Pick<Io, 'env'>,
): Promise<TracedServeOptions> {
  const { values, origins } = traceOptions({ config: serveOptions.config }, { flags, env });
  const config =
    values.config === undefined ? undefined : await readConfig(values.config, origins.config.from);
  return traceOptions(serveOptions, { flags, env, config });
}

async function readConfig(file: string, from: string): Promise<ConfigFile> {
  let text: string;
  try {
    text = (await readFileOfAnyKind(file)).toString();
  } catch (error) {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `Expected ${from} to be a file that can be read: ${messageOf(error)}`,
    );
  }
  const { parseConfig } = await import('../../options/config-file.js');
  return parseConfig(serveOptions, text, { source: file, folder: dirname(resolve(file)) });
}

import { dirname, resolve } from 'node:path';
import { serveOptions } from '../../options/serve-flags.js';
import { type TracedOptions, traceOptions } from '../../options/spec.js';
import { invalidOption } from '../../protocol/errors.js';
import { readAdminToken, readInput } from '../input-files.js';
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

/**
 * The admin token: of its option, or of the file that `--admin-token-file` names.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when both are given, or the file holds no token.
 */
export async function readServerToken({ values, origins }: TracedServeOptions): Promise<string | undefined> {
  const { adminToken, adminTokenFile } = values;
  if (adminTokenFile === undefined) return adminToken;
  const { from } = origins.adminTokenFile;
  if (adminToken !== undefined)
    throw invalidOption(`Expected one admin token, got ${origins.adminToken.from} and ${from}: drop one.`);
  return readAdminToken(adminTokenFile, from);
}

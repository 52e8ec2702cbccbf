import type { RunFlags } from '../../options/bench.js';
import { flagOf } from '../../options/spec.js';
import { DatafnWsError } from '../../protocol/errors.js';

type Key = keyof RunFlags;

/** Flags that do nothing without another. */
const NEEDS: Readonly<Partial<Record<Key, Key>>> = {
  adminUrl: 'url',
  adminToken: 'url',
  ca: 'url',
  insecure: 'url',
  preflight: 'url',
  jwtClaims: 'jwtSecret',
  emitMethod: 'emitUrl',
  emitBody: 'emitUrl',
  emitHeader: 'emitUrl',
};

/** Flags that say how clients prove who they are. The server that bench starts takes a namespace as its token. */
const CREDENTIALS: readonly Key[] = ['tokenTemplate', 'tokensFile', 'jwtSecret'];

/** Whether the server is one that bench starts itself, with the settings of the scenario. */
export function isOwnServer({ url, serverCommand }: RunFlags): boolean {
  return url.length === 0 && serverCommand === undefined;
}

/**
 * Rejects flags that contradict each other or would have no effect. Environment variables may have none: they serve other runs as well.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` with every flag that lacks another.
 */
export function checkNeeds(flags: Readonly<Record<string, unknown>>, options: RunFlags): void {
  if (options.url.length > 0) {
    const other =
      options.serverCommand !== undefined ? 'server-command' : options.redis ? 'redis' : undefined;
    if (other !== undefined)
      throw new DatafnWsError('ERR_INVALID_OPTION', `Pass either --url or --${other}, not both.`);
  }
  const problems = (Object.entries(NEEDS) as [Key, Key][])
    .filter(([key, needed]) => flags[key] !== undefined && !isThere(options[needed]))
    .map(
      ([key, needed]) =>
        `--${flags[key] === false ? 'no-' : ''}${flagOf(key)} needs --${flagOf(needed)}: add it.`,
    );
  if (isOwnServer(options))
    for (const key of CREDENTIALS)
      if (flags[key] !== undefined)
        problems.push(
          `--${flagOf(key)} needs --url or --server-command: add one, or remove --${flagOf(key)}.`,
        );
  if (problems.length > 0) throw new DatafnWsError('ERR_INVALID_OPTION', problems.join('\n'));
}

function isThere(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

import { createRequire } from 'node:module';
import {
  checkOptions,
  DELAY_MS,
  LOGGER,
  NON_EMPTY_STRING,
  type OptionRule,
  wholeNumber,
} from '../manager/checks.js';
import { guardLogger, silentLogger } from '../manager/contain.js';
import type { DatafnLogger } from '../manager/types.js';
import { DatafnWsError, invalidOption } from '../protocol/errors.js';
import type { Backplane } from './backplane.js';
import { EngineBackplane } from './engine-backplane.js';
import { nodeClock } from './node-clock.js';
import {
  clusterPrefixProblem,
  DEFAULT_CLUSTER_PREFIX,
  DEFAULT_CLUSTER_TIMEOUT_MS,
} from './redis/defaults.js';
import { redisConnect } from './redis/link.js';
import { isTlsRedisUrl, redisUrlProblem } from './redis/url.js';
import { packageVersion } from './version.js';

/** How to reach Redis or Valkey, and what to use of it. */
export interface RedisBackplaneOptions {
  /** `redis://` or, with TLS, `rediss://`, then `[user[:password]@]host[:port][/database]`. */
  readonly url: string;
  /** With `rediss://`, certificates (PEM) to trust in place of those that the process trusts. */
  readonly ca?: string | undefined;
  /** Stands before every key and the channel; clusters with different prefixes can share an engine. Default `datafn-ws`. */
  readonly prefix?: string | undefined;
  /** Milliseconds that the engine has to acknowledge a cursor or a client. Default 1,000. */
  readonly timeoutMs?: number | undefined;
  /** Namespaces whose newest cursor is kept, here and in the engine. Default 100,000. */
  readonly maxNamespaces?: number | undefined;
  /** Gets the warnings. Silent by default. */
  readonly logger?: DatafnLogger | undefined;
}

const DEFAULT_MAX_NAMESPACES = 100_000;

const PREFIX: OptionRule = {
  expected: clusterPrefixProblem('') ?? '',
  valid: (value) => typeof value === 'string' && clusterPrefixProblem(value) === undefined,
};

const RULES = {
  ca: NON_EMPTY_STRING,
  prefix: PREFIX,
  timeoutMs: DELAY_MS,
  maxNamespaces: wholeNumber(1),
  logger: LOGGER,
} as const;

/**
 * A backplane on Redis 6.2 or later, or Valkey: servers that share an engine and a prefix act as one. The package
 * `@redis/client` must be installed next to this one; it is loaded when the server starts.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a value that does not fit, or when `@redis/client` is not installed.
 */
export function redisBackplane(options: RedisBackplaneOptions): Backplane {
  checkOptions('the options', options, RULES);
  const problem = redisUrlProblem(options.url);
  // The URL may hold a password, so it is not shown.
  if (problem !== undefined) throw invalidOption(`Expected \`url\` to be ${problem}`);
  if (options.ca !== undefined && !isTlsRedisUrl(options.url))
    throw invalidOption('Expected `ca` only with a `url` that begins with rediss://');
  checkInstalled();
  const {
    url,
    ca,
    prefix = DEFAULT_CLUSTER_PREFIX,
    timeoutMs = DEFAULT_CLUSTER_TIMEOUT_MS,
    maxNamespaces = DEFAULT_MAX_NAMESPACES,
  } = options;
  const logger = guardLogger(options.logger ?? silentLogger);
  const told = new Set<string>();
  const warn = (message: string) => {
    if (told.has(message)) return;
    told.add(message);
    logger.warn(message);
  };
  return new EngineBackplane({
    connect: redisConnect({ url, ca, prefix, maxNamespaces, warn }),
    clock: nodeClock,
    timeoutMs,
    maxNamespaces,
    version: packageVersion(),
    random: Math.random,
  });
}

function checkInstalled(): void {
  try {
    createRequire(import.meta.url).resolve('@redis/client');
  } catch {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      'A cluster over Redis needs the package @redis/client: npm install @redis/client',
    );
  }
}

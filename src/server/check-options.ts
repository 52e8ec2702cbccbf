import { originProblem, proxyProblem } from '../options/checks.js';
import {
  BOOLEAN,
  checkOptions,
  DELAY_MS,
  FUNCTION,
  LIMIT,
  LOGGER,
  NON_EMPTY_STRING,
  OBJECT,
  type OptionRule,
  requireOption,
  wholeNumber,
} from '../protocol/option-rules.js';
import type { TlsPair } from './http/tls.js';

/** The path of the WebSocket endpoint, as a request line has it. */
const PATH: OptionRule = {
  expected: 'a path such as /datafn/ws, without ? or #',
  valid: (value) => typeof value === 'string' && /^\/[^?#\s]*$/.test(value),
};

/** What a bearer header can carry. */
const TOKEN: OptionRule = {
  expected: 'a non-empty string without white space',
  valid: (value) => typeof value === 'string' && /^\S+$/.test(value),
};

const RATE: OptionRule = {
  expected: 'a number of at least 0',
  valid: (value) => Number.isFinite(value) && Number(value) >= 0,
};

const REFUSE_WITH: OptionRule = {
  expected: '"close" or "http"',
  valid: (value) => value === 'close' || value === 'http',
};

/** A list of texts, each without a problem. */
function listOf(problem: (value: string) => string | undefined): OptionRule {
  return {
    expected: `a list, each ${problem('')}`,
    valid: (value) =>
      Array.isArray(value) && value.every((one) => typeof one === 'string' && problem(one) === undefined),
  };
}

const isPem = (value: unknown) => typeof value === 'string' || Buffer.isBuffer(value);

/** What is in the two is checked by `checkTlsPair`. */
const TLS_PAIR: OptionRule = {
  expected: 'an object with `cert` and `key`, each PEM as a string or a Buffer',
  valid: (value) =>
    typeof value === 'object' &&
    value !== null &&
    isPem((value as Partial<TlsPair>).cert) &&
    isPem((value as Partial<TlsPair>).key),
};

const ATTACH_RULES = {
  namespaceProvider: FUNCTION,
  authTimeoutMs: DELAY_MS,
  maxPendingAuth: wholeNumber(1),
  path: PATH,
  handshakeBacklog: LIMIT,
  refuseWith: REFUSE_WITH,
  maxMessageBytes: wholeNumber(1),
  messagesPerSecond: RATE,
  messageBurst: wholeNumber(1),
  helloTimeoutMs: DELAY_MS,
  maxConnectionsPerAddress: LIMIT,
  trustProxy: listOf(proxyProblem),
  allowOrigin: listOf(originProblem),
  clientBufferBytes: wholeNumber(0),
  slowClientTimeoutMs: DELAY_MS,
  closeTimeoutMs: DELAY_MS,
  resume: BOOLEAN,
  rememberNamespaces: wholeNumber(1),
  logger: LOGGER,
  observer: OBJECT,
  screenUpgrade: FUNCTION,
} as const;

const SERVER_RULES = {
  ...ATTACH_RULES,
  host: NON_EMPTY_STRING,
  port: wholeNumber(0, 65_535),
  adminToken: TOKEN,
  anonymousNamespace: NON_EMPTY_STRING,
  drainMs: DELAY_MS,
  shutdownTimeoutMs: DELAY_MS,
  shedAboveMs: DELAY_MS,
  monotonic: BOOLEAN,
  tls: TLS_PAIR,
  handshakeTimeoutMs: DELAY_MS,
  requestTimeoutMs: DELAY_MS,
  maxPendingConnections: LIMIT,
  cors: BOOLEAN,
  maxBodyBytes: wholeNumber(1),
  maxBatchItems: wholeNumber(1),
} as const;

/**
 * Checks what `attachWebSocketManager` was given, the manager's own config apart.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for the first value that does not fit.
 */
export function checkAttachOptions(options: unknown): void {
  checkOptions('the options', options, ATTACH_RULES);
  // It has no default: a manager on somebody's own server is not to let anybody in by itself.
  const { namespaceProvider } = options as { namespaceProvider?: unknown };
  requireOption('namespaceProvider', namespaceProvider, ATTACH_RULES.namespaceProvider);
}

/**
 * Checks what the `close` of a server was given.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a value that does not fit.
 */
export function checkCloseOptions(options: unknown): void {
  checkOptions('the options', options, { drainMs: DELAY_MS });
}

/**
 * Checks what `createDatafnWsServer` was given, the manager's own config apart.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for the first value that does not fit.
 */
export function checkServerOptions(options: unknown): void {
  checkOptions('the options', options, SERVER_RULES, (key) => key === 'adminToken');
}

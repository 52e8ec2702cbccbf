import { DELAY_MS, isOneOf, type OptionRule, wholeNumber } from '../../manager/checks.js';
import { mayBeSent } from '../../protocol/close-codes.js';

/** Where in the life of a connection a fault strikes. */
export type FaultStage = 'handshake' | 'cursor' | 'socket' | 'server' | 'http';

/** When a fault of a connection strikes. */
export const MOMENTS = ['now', 'open', 'hello', 'cursor'] as const;
export type Moment = (typeof MOMENTS)[number];

/** DataFn's HTTP routes that a fault can be about. */
const ROUTES = ['any', 'clone', 'pull', 'push', 'query', 'mutation'] as const;
type Route = (typeof ROUTES)[number];

/** What the settings of a rule are, complete. A fault has some of them: see {@link FAULTS}. */
export interface FaultSettings {
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly status: number | undefined;
  readonly code: number | undefined;
  readonly reason: string;
  readonly on: Moment;
  readonly window: number;
  readonly withinMs: number;
  readonly copies: number;
  readonly burstMs: number;
  readonly by: number;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly parts: number;
  readonly gapMs: number;
  readonly bytesPerSecond: number;
  readonly downMs: number | undefined;
  readonly everyMs: number;
  readonly route: Route;
}

/** One setting of a fault. */
export interface SettingSpec extends OptionRule {
  readonly help: string;
  /** Left out where the setting is required, or has no default. */
  readonly default?: unknown;
  readonly isRequired?: boolean;
}

/** One fault that the server can be asked for. */
export interface FaultKind {
  readonly stage: FaultStage;
  readonly help: string;
  /** What a rule counts as one chance to strike, for `next`, `every` and `probability`. */
  readonly per: string;
  readonly settings: { readonly [Name in keyof FaultSettings]?: SettingSpec };
}

/** Longest text that a setting may have. */
const MAX_TEXT = 4096;

const duration = (help: string, value?: number): SettingSpec => ({
  ...DELAY_MS,
  help,
  ...(value === undefined ? {} : { default: value }),
});
const number = (help: string, value: number | undefined, min: number, max?: number): SettingSpec => ({
  ...wholeNumber(min, max),
  help,
  ...(value === undefined ? {} : { default: value }),
});
const reason = (value: string): SettingSpec => ({
  expected: 'a text of at most 123 bytes',
  valid: (text) => typeof text === 'string' && Buffer.byteLength(text) <= 123,
  help: 'The reason in the close frame.',
  default: value,
});
const CLOSE_CODE: OptionRule = {
  expected: 'a close code that may be sent, such as 1013 or 4503',
  valid: (code) => Number.isInteger(code) && mayBeSent(Number(code)),
};

const jitter = duration('Spread around `delayMs`, either way.', 0);
const on: SettingSpec = {
  ...isOneOf(MOMENTS),
  help: 'When: to the clients that are connected `now`, to each at its `open` or `hello`, or at a `cursor`.',
  default: 'now',
};

const route = (value: Route): SettingSpec => ({
  ...isOneOf(ROUTES),
  help: 'The last part of the path.',
  default: value,
});

/** Every fault, by name. */
export const FAULTS = {
  'delay-handshake': {
    stage: 'handshake',
    help: 'Answers a handshake late.',
    per: 'handshake',
    settings: { delayMs: { ...duration('How late.'), isRequired: true }, jitterMs: jitter },
  },
  refuse: {
    stage: 'handshake',
    help: 'Refuses a handshake with an HTTP `status`, or upgrades it and closes it with a `code`.',
    per: 'handshake',
    settings: {
      status: number('HTTP status: 401, 429, 503 or another from 400 to 599.', undefined, 400, 599),
      code: { ...CLOSE_CODE, help: 'Close code, such as 4401, 4503 or 1013.' },
      reason: reason(''),
    },
  },
  'no-answer': {
    stage: 'handshake',
    help: 'Leaves a handshake without an answer until the rule ends.',
    per: 'handshake',
    settings: {},
  },
  drop: { stage: 'cursor', help: 'Loses a cursor.', per: 'cursor of a client', settings: {} },
  delay: {
    stage: 'cursor',
    help: 'Sends a cursor late. Later ones wait for it, as on a slow network.',
    per: 'cursor of a client',
    settings: { delayMs: { ...duration('How late.'), isRequired: true }, jitterMs: jitter },
  },
  hold: {
    stage: 'cursor',
    help: 'Keeps a cursor back until the rule ends; later ones overtake it.',
    per: 'cursor of a client',
    settings: {},
  },
  reorder: {
    stage: 'cursor',
    help: 'Collects cursors and sends them in another order.',
    per: 'cursor of a client',
    settings: {
      window: number('Cursors collected.', 4, 2, 100),
      withinMs: duration('Sends what has been collected after this time.', 1000),
    },
  },
  duplicate: {
    stage: 'cursor',
    help: 'Sends a cursor more than once.',
    per: 'cursor of a client',
    settings: { copies: number('Copies besides the first.', 1, 1, 100) },
  },
  'drop-last': {
    stage: 'cursor',
    help: 'Loses the last cursor of a burst. Sends the others one cursor late.',
    per: 'burst of a client',
    settings: { burstMs: duration('A burst ends when no cursor has come for this time.', 100) },
  },
  lower: {
    stage: 'cursor',
    help: 'Sends a lower number in place of a cursor.',
    per: 'cursor of a client that is a whole number',
    settings: { by: number('How much lower; never below 0.', 1, 1) },
  },
  junk: {
    stage: 'cursor',
    help: 'Sends a text that is not a message in place of a cursor.',
    per: 'cursor of a client',
    settings: {
      text: {
        expected: `a text of at most ${MAX_TEXT} characters`,
        valid: (text) => typeof text === 'string' && text.length <= MAX_TEXT,
        help: 'The text.',
        default: '{"type":"cursor","cur',
      },
    },
  },
  'extra-fields': {
    stage: 'cursor',
    help: 'Adds fields to a cursor message, before the known ones.',
    per: 'cursor of a client',
    settings: {
      fields: {
        expected: `an object of at most ${MAX_TEXT} characters as JSON, without \`type\` and \`cursor\``,
        valid: (fields) =>
          typeof fields === 'object' &&
          fields !== null &&
          !Array.isArray(fields) &&
          !('type' in fields || 'cursor' in fields) &&
          JSON.stringify(fields).length <= MAX_TEXT,
        help: 'The fields.',
        default: { targeting: { mode: 'namespace-broadcast', degraded: false } },
      },
    },
  },
  close: {
    stage: 'socket',
    help: 'Closes a connection.',
    per: 'connection at the moment that `on` says',
    settings: {
      code: { ...CLOSE_CODE, help: 'Close code.', default: 1013 },
      reason: reason(''),
      on,
    },
  },
  reset: {
    stage: 'socket',
    help: 'Ends a connection with a TCP reset, without a close frame.',
    per: 'connection at the moment that `on` says',
    settings: { on },
  },
  'half-open': {
    stage: 'socket',
    help: 'Sends and reads nothing more, pings included, and keeps the connection open. When the rule ends, it is reset.',
    per: 'connection at the moment that `on` says',
    settings: { on },
  },
  fragment: {
    stage: 'socket',
    help: 'Sends a cursor message in several WebSocket frames.',
    per: 'cursor of a client',
    settings: { parts: number('Frames.', 2, 2, 100) },
  },
  'byte-by-byte': {
    stage: 'socket',
    help: 'Sends a connection each byte on its own.',
    per: 'connection',
    settings: { gapMs: duration('Time between two bytes.', 0) },
  },
  bandwidth: {
    stage: 'socket',
    help: 'Limits how fast a connection is sent its bytes.',
    per: 'connection',
    settings: { bytesPerSecond: { ...number('The limit.', undefined, 1), isRequired: true } },
  },
  offline: {
    stage: 'server',
    help: 'Is as good as gone: connections are reset, and so are new ones.',
    per: 'time that the server goes away',
    settings: {
      downMs: duration('How long. Default: until the rule ends.'),
      everyMs: duration(
        'Goes away again each time this has passed, for the first time after it; 0: once, and now.',
        0,
      ),
    },
  },
  restart: {
    stage: 'server',
    help: 'Closes connections with 1001 `Going Away`, forgets the cursors it remembers, and resets new connections for a while.',
    per: 'restart',
    settings: {
      downMs: duration('How long it is away.', 1000),
      everyMs: duration(
        'Restarts each time this has passed, for the first time after it; 0: once, and now.',
        0,
      ),
    },
  },
  'late-heartbeat': {
    stage: 'server',
    help: 'Sends a ping late. The client is not blamed for it.',
    per: 'ping of a client',
    settings: { delayMs: { ...duration('How late.'), isRequired: true }, jitterMs: jitter },
  },
  'no-pings': {
    stage: 'server',
    help: 'Sends no pings, and waits for no pongs.',
    per: 'ping of a client',
    settings: {},
  },
  'http-delay': {
    stage: 'http',
    help: 'Answers a request of a DataFn client late.',
    per: 'request',
    settings: {
      delayMs: { ...duration('How late.'), isRequired: true },
      jitterMs: jitter,
      route: route('any'),
    },
  },
  'http-error': {
    stage: 'http',
    help: 'Answers a request with an error, and does nothing.',
    per: 'request',
    settings: { status: number('HTTP status, from 400 to 599.', 503, 400, 599), route: route('any') },
  },
  'stale-pull': {
    stage: 'http',
    help: 'Answers a pull as if nothing had changed since the cursors it asks about.',
    per: 'pull',
    settings: { route: { ...isOneOf(['pull']), help: 'Always `pull`.', default: 'pull' } },
  },
  'lost-answer': {
    stage: 'http',
    help: 'Does what a request asks for, and resets the connection in place of the answer.',
    per: 'request',
    settings: { route: route('push') },
  },
  conflict: {
    stage: 'http',
    help: 'Answers a request with 409, and does nothing.',
    per: 'request',
    settings: { route: route('push') },
  },
  'empty-body': {
    stage: 'http',
    help: 'Answers a request with 200 and no body, and does nothing.',
    per: 'request',
    settings: { route: route('any') },
  },
} as const satisfies Readonly<Record<string, FaultKind>>;

export type FaultName = keyof typeof FAULTS;

export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

/** A fault by its name. */
export function faultKind(name: FaultName): FaultKind {
  return FAULTS[name];
}

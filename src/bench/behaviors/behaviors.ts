import { OPCODE } from '../../protocol/frames.js';

/** What a behavior may do with its connection once it has opened. */
export interface OpenClient {
  /** Its number within its cohort. */
  readonly index: number;
  random(): number;
  /** Calls back once, unless the connection ends before. Replaces what was waiting. */
  later(delayMs: number, callback: () => void): void;
  pauseReading(): void;
  resumeReading(): void;
  /** Sends a frame as a client does: masked. */
  send(opcode: number, payload: Buffer): void;
  /** Writes bytes as they are. */
  writeRaw(bytes: Buffer): void;
  /** Neither reads nor writes from here on; only a heartbeat can tell the other end. */
  goDead(): void;
  end(how: 'close' | 'reset'): void;
}

/** Settings of behaviors, complete. Each counts for its behavior alone. */
export interface CohortSettings {
  readonly pongDelayMs: number;
  /** How long a slow reader stops reading; 0 for one with a rate. */
  readonly pauseMs: number;
  /** Bytes a second that a slow reader takes; 0 for one that pauses. */
  readonly readBytesPerSecond: number;
  readonly resetAfterMs: number;
  readonly kinds: readonly MalformedKind[];
  /** Mean time after which a flapping client ends its connection; 0 for never. */
  readonly dropEveryMs: number;
  /** What DataFn's backoff is multiplied with. */
  readonly backoffScale: number;
}

/** What kind of client a cohort consists of. */
export interface Behavior {
  /** One line for the docs. */
  readonly summary: string;
  /** Which token it shows: its namespace's own, none, or one that no server takes. */
  readonly token: 'own' | 'none' | 'bad';
  /** Whether, and when, it answers pings. */
  readonly pong: 'immediate' | 'after-delay' | 'never';
  /** Whether it reads everything, reads slowly (a newer cursor makes up for older ones), or not at all. */
  readonly reads: 'all' | 'slowly' | 'nothing';
  /** Whether it comes back when its connection ends. */
  readonly reconnects: boolean;
  /** Keys of a cohort that only this behavior takes. */
  readonly settings: readonly BehaviorSetting[];
  /** What it does when its connection has opened, besides saying hello. */
  onOpen?(client: OpenClient, settings: CohortSettings): void;
}

/** Keys of a cohort that belong to a behavior. */
export const BEHAVIOR_SETTINGS = [
  'pongDelay',
  'pause',
  'readRate',
  'resetAfter',
  'kinds',
  'dropEvery',
  'backoffScale',
] as const;
export type BehaviorSetting = (typeof BEHAVIOR_SETTINGS)[number];

/** What a malformed client sends, and what an RFC 6455 server does about it. */
export const MALFORMED_KINDS = {
  'invalid-json': {
    summary: 'Text that is not JSON.',
    closes: undefined,
    send: (client) => client.send(OPCODE.text, Buffer.from('{"type":"hello","clientId":')),
  },
  'wrong-types': {
    summary: 'JSON of the wrong shape.',
    closes: undefined,
    send: (client) =>
      client.send(OPCODE.text, Buffer.from('{"type":"hello","clientId":{"a":[]},"cursors":7,"namespace":1}')),
  },
  binary: {
    summary: 'A binary message.',
    closes: undefined,
    send: (client) => client.send(OPCODE.binary, Buffer.from('{"type":"hello","clientId":"binary"}')),
  },
  'invalid-utf8': {
    summary: 'Text that is not UTF-8.',
    closes: 1007,
    send: (client) => client.send(OPCODE.text, Buffer.from([0x7b, 0xff, 0xfe, 0xc0, 0x7d])),
  },
  unmasked: {
    summary: 'A frame without a mask.',
    closes: 1002,
    send: (client) => client.writeRaw(Buffer.from([0x80 | OPCODE.text, 2, 0x7b, 0x7d])),
  },
  oversized: {
    summary: 'A message of 64 KiB and one byte.',
    closes: 1009,
    send: (client) => client.send(OPCODE.text, Buffer.alloc(64 * 1024 + 1, 0x20)),
  },
} as const satisfies Record<
  string,
  { summary: string; closes: number | undefined; send(client: OpenClient): void }
>;

export type MalformedKind = keyof typeof MALFORMED_KINDS;

const normal = { token: 'own', pong: 'immediate', reads: 'all', reconnects: false, settings: [] } as const;

/** Every behavior of a bench client, by the name that a scenario uses. To add one, add it here. */
export const BEHAVIORS = {
  healthy: { ...normal, summary: 'Does everything right: says hello, answers pings, reads at once.' },
  silent: { ...normal, summary: 'Reads, but never answers a ping.', pong: 'never' },
  'late-pong': {
    ...normal,
    summary: 'Answers each ping `pongDelay` late.',
    pong: 'after-delay',
    settings: ['pongDelay'],
  },
  'slow-reader': {
    ...normal,
    summary: 'Stops reading for `pause` after opening, or reads no faster than `readRate`.',
    reads: 'slowly',
    settings: ['pause', 'readRate'],
    onOpen(client, { pauseMs }) {
      if (pauseMs === 0) return;
      client.pauseReading();
      client.later(pauseMs, () => client.resumeReading());
    },
  },
  'half-open': {
    ...normal,
    summary: 'Goes dead after opening: neither reads nor writes, and keeps its descriptor.',
    pong: 'never',
    reads: 'nothing',
    onOpen: (client) => client.goDead(),
  },
  resetting: {
    ...normal,
    summary: 'Resets its connection (RST) within `resetAfter` of opening.',
    settings: ['resetAfter'],
    onOpen: (client, { resetAfterMs }) =>
      client.later(client.random() * resetAfterMs, () => client.end('reset')),
  },
  unauthenticated: { ...normal, summary: 'Sends no token; expects 4401.', token: 'none' },
  'bad-token': { ...normal, summary: 'Sends an invalid token; expects 4401.', token: 'bad' },
  spoofing: {
    ...normal,
    summary: 'Healthy, but names another namespace in its hello, as `hello: { namespace }` says.',
  },
  malformed: {
    ...normal,
    summary: 'Sends malformed data after opening: one of `kinds`, in rotation.',
    settings: ['kinds'],
    onOpen: (client, { kinds }) =>
      MALFORMED_KINDS[kinds[client.index % kinds.length] as MalformedKind].send(client),
  },
  reconnecting: {
    ...normal,
    summary: "Does everything right, and reconnects with DataFn's backoff whenever its connection ends.",
    reconnects: true,
    settings: ['backoffScale'],
  },
  flapping: {
    ...normal,
    summary:
      "Reconnects with DataFn's backoff whenever its connection ends; with `dropEvery`, also disconnects by itself.",
    reconnects: true,
    settings: ['dropEvery', 'backoffScale'],
    onOpen(client, { dropEveryMs }) {
      // Evenly from half to one and a half: a mean, without the long tail of an exponential.
      if (dropEveryMs > 0) client.later((0.5 + client.random()) * dropEveryMs, () => client.end('close'));
    },
  },
} as const satisfies Record<string, Behavior>;

export type BehaviorName = keyof typeof BEHAVIORS;
export const BEHAVIOR_NAMES = Object.keys(BEHAVIORS) as BehaviorName[];

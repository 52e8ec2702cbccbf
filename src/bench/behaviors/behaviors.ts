/** What kind of client a cohort consists of. */
export interface Behavior {
  /** One line for the docs. */
  readonly summary: string;
  /** Which token it shows: its namespace's own, none, or one that no server takes. */
  readonly token: 'own' | 'none' | 'bad';
  /** Whether, and when, it answers pings. */
  readonly pong: 'at-once' | 'after-delay' | 'never';
  /** Whether it reads everything, reads slowly (a newer cursor makes up for older ones), or not at all. */
  readonly reads: 'all' | 'slowly' | 'nothing';
  /** Whether it comes back when its connection ends. */
  readonly reconnects: boolean;
  /** Keys of a cohort that only this behavior takes. */
  readonly settings: readonly BehaviorSetting[];
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

const normal = { token: 'own', pong: 'at-once', reads: 'all', reconnects: false, settings: [] } as const;

/** Every behavior of a bench client, by the name that a scenario uses. */
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
    summary: 'Stops reading for `pause` when it has opened, or reads no more than `readRate`.',
    reads: 'slowly',
    settings: ['pause', 'readRate'],
  },
  'half-open': {
    ...normal,
    summary: 'Goes dead when it has opened: neither reads nor writes, and keeps its descriptor.',
    pong: 'never',
    reads: 'nothing',
  },
  resetting: {
    ...normal,
    summary: 'Resets its connection (RST) within `resetAfter` of opening.',
    settings: ['resetAfter'],
  },
  unauthenticated: { ...normal, summary: 'Shows no token; expects 4401.', token: 'none' },
  'bad-token': { ...normal, summary: 'Shows a token that no server takes; expects 4401.', token: 'bad' },
  spoofing: {
    ...normal,
    summary: 'Healthy, but names another namespace in its hello, as `hello: { namespace }` says.',
  },
  malformed: {
    ...normal,
    summary: 'Sends something broken when it has opened: one of `kinds`, in turns.',
    settings: ['kinds'],
  },
  flapping: {
    ...normal,
    summary:
      "Comes back with DataFn's backoff whenever its connection ends; with `dropEvery`, ends it itself.",
    reconnects: true,
    settings: ['dropEvery', 'backoffScale'],
  },
} as const satisfies Record<string, Behavior>;

export type BehaviorName = keyof typeof BEHAVIORS;
export const BEHAVIOR_NAMES = Object.keys(BEHAVIORS) as BehaviorName[];

/** What a malformed client sends, and what an RFC 6455 server does about it. */
export const MALFORMED_KINDS = {
  'invalid-json': { summary: 'Text that is no JSON.', closes: undefined },
  'wrong-types': { summary: 'JSON of the wrong shape.', closes: undefined },
  binary: { summary: 'A binary message.', closes: undefined },
  'invalid-utf8': { summary: 'Text that is no UTF-8.', closes: 1007 },
  unmasked: { summary: 'A frame without a mask.', closes: 1002 },
  oversized: { summary: 'A message of 64 KiB and one byte.', closes: 1009 },
} as const satisfies Record<string, { summary: string; closes: number | undefined }>;

export type MalformedKind = keyof typeof MALFORMED_KINDS;

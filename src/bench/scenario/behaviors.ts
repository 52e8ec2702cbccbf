/** What kind of client a cohort consists of. */
export interface Behavior {
  /** One line for the docs and for `--list`. */
  readonly summary: string;
  /** Which token it shows: its namespace's own, none, or one that no server takes. */
  readonly token: 'own' | 'none' | 'bad';
  /** Whether, and when, it answers pings. */
  readonly pong: 'at-once' | 'after-delay' | 'never';
  /** Whether it reads everything, reads slowly (a newer cursor makes up for older ones), or not at all. */
  readonly reads: 'all' | 'slowly' | 'nothing';
}

const normal = { token: 'own', pong: 'at-once', reads: 'all' } as const;

/** Every behavior of a bench client, by the name that a scenario uses. */
export const BEHAVIORS = {
  healthy: { ...normal, summary: 'Does everything right: says hello, answers pings, reads at once.' },
  silent: { ...normal, summary: 'Reads, but never answers a ping.', pong: 'never' },
  unauthenticated: { ...normal, summary: 'Shows no token; expects 4401.', token: 'none' },
} as const satisfies Record<string, Behavior>;

export type BehaviorName = keyof typeof BEHAVIORS;
export const BEHAVIOR_NAMES = Object.keys(BEHAVIORS) as BehaviorName[];

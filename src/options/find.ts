import { type Parsed, parseCount, parseRate } from '../text/units.js';
import { benchOptions } from './bench.js';
import { choice, list, text } from './kinds.js';
import type { OptionSpec } from './spec.js';

const {
  list: _list,
  validate: _validate,
  repeat: _repeat,
  shard: _shard,
  startAt: _startAt,
  slack: _slack,
  ...runOptions
} = benchOptions;

/** A load as it is given: a number, and whether it was one a second. */
export interface GivenLoad {
  readonly value: number;
  readonly isRate: boolean;
}

const LOAD = 'a whole number of at least 1, such as 2000 or 2000/s';

function parseLoad(given: string): Parsed<GivenLoad | undefined> {
  const isRate = given.includes('/');
  const parsed = isRate ? parseRate(given) : parseCount(given);
  if (!parsed.ok || !Number.isInteger(parsed.value) || parsed.value < 1 || parsed.value > 100_000_000)
    return { ok: false, expected: LOAD };
  return { ok: true, value: { value: parsed.value, isRate } };
}

function load(help: string): OptionSpec<GivenLoad | undefined> {
  const base = text({ placeholder: 'N', help, default: undefined as string | undefined, fromEnv: false });
  return { ...base, default: undefined, parse: parseLoad };
}

/** Greatest distance that is any use, and least that a search can tell from noise. */
const PRECISION = { least: 0.1, most: 50 } as const;

function parsePercent(given: string): Parsed<number> {
  const [, number] = /^(\d+(?:\.\d+)?)\s*%$/.exec(given.trim()) ?? [];
  const percent = Number(number);
  return number === undefined || percent < PRECISION.least || percent > PRECISION.most
    ? { ok: false, expected: `a share from ${PRECISION.least}% to ${PRECISION.most}%, such as 5%` }
    : { ok: true, value: percent / 100 };
}

const precision: OptionSpec<number> = {
  ...text({
    placeholder: 'SHARE',
    help: 'How close to the limit the search gets.',
    default: '5%',
    fromEnv: false,
  }),
  default: 0.05,
  defaultText: '5%',
  parse: parsePercent,
};

/** Every option of `datafn-ws bench find`, reports apart. */
export const findOptions = {
  of: choice(['clients', 'connect-rate', 'emit-rate', 'deliveries'], {
    help: 'What to raise: clients, in proportion; the rate at which they connect; the rate of cursors, or of deliveries.',
    default: 'clients',
    fromEnv: false,
  }),
  from: load(
    'Load to begin with; halved if a rule breaks there. Default: 100 clients, 50 connects/s, 10 cursors/s or 1000 deliveries/s.',
  ),
  to: load('Greatest load to try. Default: none.'),
  until: list({
    placeholder: 'RULE',
    help: "A rule that must hold, such as 'fanout.p99 < 250ms'. Repeatable. Default: nothing lost, p99 < 1s and, at the end of an emit, everything delivered within 500ms; connect-rate: handshake.p99 < 500ms.",
    fromEnv: false,
  }),
  precision,
  atLeast: load('Exit with 1 when the limit is lower.'),
  ...runOptions,
} as const;

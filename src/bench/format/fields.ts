import { z } from 'zod';
import { describe, namespaceProblem } from '../../protocol/identifiers.js';
import { didYouMean } from '../../text/nearest.js';
import { formatCount, type Parsed, parseDuration, parseRate, parseSize } from '../../text/units.js';
import type { Stage } from '../measure/stages.js';
import { MEMBER, readMember } from '../model/member.js';

// The kinds of values in a scenario file. What a file has in texts with units comes out in numbers.

/** An object that takes the named keys and no others; the error has a line for each other one, with the nearest name. */
export function strict<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return expected(`an object with ${names.join(', ')}`)(issue);
      const keys = issue.keys as string[];
      return keys.map((key) => `unknown key \`${key}\`.${didYouMean(key, names)}`).join('\n');
    },
  });
}

/** An error message that says what was expected and what was found. */
export function expected(what: string) {
  return (issue: { readonly input?: unknown }) =>
    issue.input === undefined
      ? `missing; expected ${what}`
      : `expected ${what}, got ${describe(issue.input)}`;
}

/** A text with a unit, read into its base unit. */
function withUnit(parse: (text: string) => Parsed<number>, example: string) {
  return z.string({ error: expected(example) }).transform((text, context) => {
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    context.addIssue({ code: 'custom', message: `expected ${parsed.expected}, got ${describe(text)}` });
    return z.NEVER;
  });
}

const DURATION = 'a duration such as 500ms, 10s or 2m';
export const duration = z
  .union([z.literal(0), withUnit(parseDuration, DURATION)], { error: expected(DURATION) })
  .describe('A duration: 500ms, 10s, 2m; 0 needs no unit.');
/** Longer than 0. */
export const lasting = withUnit((text) => {
  const parsed = parseDuration(text);
  return parsed.ok && parsed.value === 0 ? { ok: false, expected: 'longer than 0' } : parsed;
}, DURATION).describe('A duration greater than 0: 500ms, 10s, 2m.');
export const rate = withUnit(parseRate, 'a rate such as 50/s').describe('A rate: 50/s, 300/m.');
const RATES = 'a rate such as 50/s, or a range such as 100/s..2000/s';
/** A rate, or two between which it goes evenly; read into both. */
export const rateRange = z
  .string({ error: expected(RATES) })
  .transform((text, context) => {
    const ends = text.split('..').map(parseRate);
    const [from, to = from] = ends;
    if (from?.ok && to?.ok && ends.length <= 2) return { fromPerSecond: from.value, toPerSecond: to.value };
    context.addIssue({ code: 'custom', message: `expected ${RATES}, got ${describe(text)}` });
    return z.NEVER;
  })
  .describe('A rate, 50/s, or a range between which it changes linearly, 100/s..2000/s.');
type RateRange = z.output<typeof rateRange>;

/** Rates one after the other; read into {@link Stage}s. */
export const stageList = z
  .array(
    strict({
      rate: rateRange,
      for: lasting.describe('How long.'),
    }).transform(({ rate: range, for: durationMs }): Stage => ({ ...range, durationMs })),
    { error: expected('a list of stages such as { rate: 100/s..2000/s, for: 10s }') },
  )
  .min(1, { error: () => 'expected at least one stage' });

/** A rate or range in words: `100 to 2,000`. */
export function rangeWords({ fromPerSecond: from, toPerSecond: to }: RateRange): string {
  return from === to ? formatCount(from) : `${formatCount(from)} to ${formatCount(to)}`;
}

export const bytesPerSecond = withUnit((text) => {
  const [size = '', unit] = text.split('/');
  const parsed = parseSize(size);
  return unit?.trim() === 's' && parsed.ok && parsed.value > 0
    ? parsed
    : { ok: false, expected: 'a read rate such as 1KiB/s' };
}, 'a read rate such as 1KiB/s').describe('Bytes per second: 500B/s, 1KiB/s.');

export function whole(min: number, max = Number.MAX_SAFE_INTEGER) {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  const error = expected(`a whole number ${range}`);
  return z.int({ error }).min(min, { error }).max(max, { error });
}

export function share(what: string) {
  const error = expected(what);
  return z.number({ error }).gt(0, { error });
}

export function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, {
    error: (issue) =>
      `${expected(`one of ${names.join(', ')}`)(issue)}.${typeof issue.input === 'string' ? didYouMean(issue.input, names) : ''}`,
  });
}

export const yesOrNo = () => z.boolean({ error: expected('true or false') });

/** A process of the server that bench starts. */
export const member = z
  .string({ error: expected(MEMBER) })
  .transform((text, context) => {
    const read = readMember(text);
    if (read !== undefined) return read;
    context.addIssue({ code: 'custom', message: `expected ${MEMBER}, got ${describe(text)}` });
    return z.NEVER;
  })
  .describe('worker, node or engine; with a number to choose one, such as node 2. Default: the last one.');

export const cohortName = z.string({ error: expected('the name of a cohort') });

export const endsBy = oneOf(['close', 'reset', 'vanish'])
  .default('close')
  .describe('close: with a close frame. reset: with a RST. vanish: goes dead and keeps its descriptor.');

/** Cursors of an emit, connects and disconnects of a churn. */
export const MAX_EVENTS = 10_000_000;

/** A rate for a time is so many events, and more than {@link MAX_EVENTS} is a typo. */
export function checkEvents(
  phase: { readonly rate?: number | undefined; readonly for?: number | undefined },
  context: z.RefinementCtx,
): void {
  const count = ((phase.rate ?? 0) * (phase.for ?? 0)) / 1000;
  if (count <= MAX_EVENTS) return;
  const message = `expected at most ${formatCount(MAX_EVENTS)} in a phase, got ${formatCount(count)}`;
  context.addIssue({ code: 'custom', path: ['rate'], message });
}

/** A name, a range pattern, or a list of those; read into all the names. */
export const namespaceList = z
  .union([z.string(), z.array(z.string()).min(1, { error: () => 'expected at least one namespace' })], {
    error: expected('a namespace, a pattern such as user:{1..50}, or a list of those'),
  })
  .transform((given, context) => {
    const names: string[] = [];
    for (const pattern of typeof given === 'string' ? [given] : given) {
      const expanded = expandPattern(pattern);
      const problem =
        typeof expanded === 'string'
          ? expanded
          : expanded.map(namespaceProblem).find((wrong) => wrong !== undefined);
      if (problem !== undefined) {
        const message = typeof expanded === 'string' ? problem : `expected a namespace to be ${problem}`;
        context.addIssue({ code: 'custom', message });
        return z.NEVER;
      }
      for (const name of expanded) names.push(name);
    }
    return names;
  })
  .describe('A namespace, a range pattern such as user:{1..50}, or a list of those.');

const RANGE = /\{(\d+)\.\.(\d+)\}/;
/** More namespaces than this in one pattern are a typo. */
const MAX_EXPANDED = 200_000;

/**
 * Expands `user:{1..3}` to `user:1`, `user:2`, `user:3`; a text without a range to itself.
 *
 * @returns the names, or what is wrong with the pattern.
 */
export function expandPattern(pattern: string): string[] | string {
  const match = RANGE.exec(pattern);
  if (match === null) return [pattern];
  const [from, to] = [Number(match[1]), Number(match[2])];
  if (from > to) return `expected an ascending range, got {${from}..${to}}`;
  if (to - from >= MAX_EXPANDED)
    return `expected at most ${formatCount(MAX_EXPANDED)} namespaces, got ${formatCount(to - from + 1)}`;
  const [head, tail] = [pattern.slice(0, match.index), pattern.slice(match.index + match[0].length)];
  const names: string[] = [];
  for (let number = from; number <= to; number++) {
    // What is behind it may have a range of its own.
    const expanded = expandPattern(`${head}${number}${tail}`);
    if (typeof expanded === 'string') return expanded;
    for (const name of expanded) names.push(name);
    if (names.length > MAX_EXPANDED)
      return `expected at most ${formatCount(MAX_EXPANDED)} namespaces, got more`;
  }
  return names;
}

import { z } from 'zod';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { formatCount } from '../../text/units.js';
import { valueText } from '../verdict/metric-kinds.js';
import { isReadable, REPORT_VERSION, upgraded } from './older-versions.js';

const text = z.string();
const unit = z.enum(['count', 'ms', 'per second', 'bytes']);
const spread = z.strictObject({ low: z.number(), high: z.number() });
const verdict = z.enum(['regression', 'warning', 'improvement', 'note']);

/** A metric in both results. */
const values = {
  name: text.describe('As a rule names it, without the cohort.'),
  key: text.optional().describe('The key in the brackets of a rule.'),
  cohort: text.optional().describe('The cohort; all cohorts together if absent.'),
  unit,
  base: z.number().optional().describe('Absent if there were no samples.'),
  new: z.number().optional().describe('Absent if there were no samples.'),
  baseSpread: spread.optional(),
  newSpread: spread.optional(),
};

const comparedNumber = z.strictObject(values).meta({ id: 'comparedNumber' });

const change = z
  .strictObject({
    ...values,
    verdict: verdict.describe(
      'A regression fails a build, a warning does not; a note is neither good nor bad.',
    ),
    rule: text.optional().describe('The rule of the scenario that holds in only one of the two.'),
    why: text,
  })
  .meta({ id: 'change' });

const side = z.strictObject({
  startedAt: text.describe('ISO 8601.'),
  toolVersion: text,
  sha256: text.describe('Of the scenario.'),
  seed: z.int(),
  runs: z.int().describe('Repetitions that the numbers are medians of.'),
});

/** What is different between two results of a scenario. */
export const comparisonSchema = z.strictObject({
  scenario: text,
  verdict: z
    .enum(['regressed', 'warned', 'improved', 'same'])
    .describe('By the most serious change: a regression, then a warning, then an improvement.'),
  base: side,
  new: side,
  warnings: z
    .array(text)
    .describe(
      'What makes the two runs less comparable, and what is over a limit of --fail-on but not beyond its range.',
    ),
  problems: z
    .array(text)
    .describe('Problems of the server that the baseline did not have; each is a regression.'),
  changes: z.array(change).describe('What differs, regressions first.'),
  numbers: z
    .array(comparedNumber)
    .describe('The numbers of both, whether they differ or not: of all cohorts together, and of --fail-on.'),
  compared: z
    .strictObject({ counts: z.int(), measures: z.int() })
    .describe('How many counts were compared exactly, and how many durations, sizes and rates by threshold.'),
});

export type Comparison = z.infer<typeof comparisonSchema>;
export type Change = z.infer<typeof change>;
export type ComparedNumber = z.infer<typeof comparedNumber>;
export type ChangeVerdict = z.infer<typeof verdict>;

/** `12.5 to 22 ms`: the unit once where both have the same. */
export function rangeText(
  { low, high }: NonNullable<ComparedNumber['baseSpread']>,
  unit: ComparedNumber['unit'],
): string {
  const [from, to] = [valueText(low, unit), valueText(high, unit)];
  const [, word] = /^[\d.,]+( \S+|\/s)$/.exec(to) ?? [];
  return `${word !== undefined && from.endsWith(word) ? from.slice(0, -word.length) : from} to ${to}`;
}

/** The change of a value: `+20%`; empty when the value was 0. */
export function shareText(base: number, next: number): string {
  if (base === 0) return '';
  if (base > 0 && next >= 10 * base) return `${formatCount(Math.round(next / base))} times`;
  const percent = Math.round((100 * (next - base)) / Math.abs(base));
  return `${percent < 0 ? '-' : '+'}${Math.abs(percent)}%`;
}

// As much of a JSON report as is compared. What is beside it may come and go with the versions of the tool.

const metric = z.object({
  name: text,
  key: text.optional(),
  cohort: text.optional(),
  unit,
  value: z.number(),
  spread: z.object({ low: z.number(), high: z.number() }).optional(),
  nondeterministic: z.literal(true).optional(),
});

const expectation = z.object({
  rule: text,
  phase: text.optional(),
  cohort: text.optional(),
  metric: text,
  key: text.optional(),
  operator: z.enum(['==', '!=', '<=', '>=', '<', '>']),
  expected: z.number(),
  passed: z.boolean(),
  notMeasurable: text.optional(),
  actual: z.number().optional(),
  unit,
});

const result = z.object({
  tool: z.object({ version: text }),
  verdict: z.enum(['passed', 'failed', 'regressed', 'invalid', 'aborted']),
  problems: z.array(text),
  startedAt: text,
  revision: text.optional(),
  machine: z.object({ node: text, platform: text, arch: text, cores: z.number() }),
  target: z.object({ isOwn: z.boolean() }),
  scenario: z.object({ name: text, sha256: text, seed: z.int(), overrides: z.array(text) }),
  repeat: z.object({ runs: z.array(z.unknown()) }).optional(),
  find: z.object({ of: text }).optional(),
  expectations: z.array(expectation),
  total: z.object({ metrics: z.array(metric) }),
  generator: z.array(z.object({ maxRunQueueWait: z.number().optional() })),
});

const report = z.object({ version: z.literal(REPORT_VERSION), results: z.array(result) });

export type ComparedMetric = z.infer<typeof metric>;
export type ComparedExpectation = z.infer<typeof expectation>;
export type ComparedResult = z.infer<typeof result>;

/**
 * Reads a JSON report of `bench`.
 *
 * @param name what to call it in an error.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for what is not one, or not one that can be compared.
 */
export function readResults(json: string, name: string): ComparedResult[] {
  const fail = (got: string) =>
    new DatafnWsError('ERR_INVALID_OPTION', `Expected ${name} to be a JSON report of bench, got ${got}`);
  let content: unknown;
  try {
    content = JSON.parse(json);
  } catch (error) {
    throw fail(json.trim() === '' ? 'an empty file.' : `invalid JSON: ${messageOf(error).split('\n', 1)[0]}`);
  }
  const version = z.looseObject({ version: z.number(), results: z.array(z.unknown()) }).safeParse(content);
  if (!version.success) throw fail('other JSON; make a report with: npx datafn-ws bench --json FILE.');
  if (!isReadable(version.data.version)) {
    throw fail(
      `one of version ${version.data.version} of the format, but this tool reads versions 1 to ${REPORT_VERSION}; update datafn-ws.`,
    );
  }
  const read = report.safeParse(upgraded(content as Parameters<typeof upgraded>[0]));
  if (!read.success) {
    const [issue] = read.error.issues;
    throw fail(`an invalid one at ${issue?.path.join('.')}: ${issue?.message}`);
  }
  if (read.data.results.length === 0) throw fail('one without results: no scenario was run.');
  return read.data.results;
}

/**
 * Checks that a result says something about a server.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for one of a run that was stopped, or that was not valid.
 */
export function checkComparable({ verdict, scenario }: ComparedResult, name: string): void {
  if (verdict !== 'aborted' && verdict !== 'invalid') return;
  const why =
    verdict === 'aborted'
      ? 'that was stopped before the end'
      : 'that was not valid: its numbers say nothing about the server';
  throw new DatafnWsError(
    'ERR_INVALID_OPTION',
    `Expected ${name} to be of complete, valid runs, got a run of ${scenario.name} ${why}. Run it again.`,
  );
}

/** Where a run was made, as far as it can change durations. */
export function machineText({ machine: { node, platform, arch, cores } }: ComparedResult): string {
  return `${cores} cores, ${platform} ${arch}, Node.js ${node}`;
}

import { z } from 'zod';

const text = z.string();
const spread = z.strictObject({ low: z.number(), high: z.number() });
const verdict = z.enum(['regression', 'warning', 'improvement', 'note']);

/** A metric in both results. */
const values = {
  name: text.describe('As a rule names it, without the cohort.'),
  key: text.optional().describe('What stands in the brackets of a rule.'),
  cohort: text.optional().describe('Whose; of all together when it is left out.'),
  unit: z.enum(['count', 'ms', 'per second', 'bytes']),
  base: z.number().optional().describe('Nothing when there were no samples.'),
  new: z.number().optional().describe('Nothing when there were no samples.'),
  baseSpread: spread.optional(),
  newSpread: spread.optional(),
};

const comparedNumber = z.strictObject(values).meta({ id: 'comparedNumber' });

const change = z
  .strictObject({
    ...values,
    verdict: verdict.describe(
      'A regression fails a build, a warning does not; a note is no judgement at all.',
    ),
    rule: text.optional().describe('The rule of the scenario that holds in one of the two only.'),
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
    .describe('By the change that weighs most: a regression, then a warning, then an improvement.'),
  base: side,
  new: side,
  warnings: z
    .array(text)
    .describe(
      'What makes the two runs less comparable, and what is over a limit of --fail-on but not beyond its range.',
    ),
  problems: z
    .array(text)
    .describe('What went wrong with the server, and had not in the baseline; each is a regression.'),
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

import { z } from 'zod';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';

// As much of a JSON report as is compared. What is beside it may come and go with the versions of the tool.

const text = z.string();
const unit = z.enum(['count', 'ms', 'per second', 'bytes']);

const metric = z.object({
  name: text,
  key: text.optional(),
  cohort: text.optional(),
  unit,
  value: z.number(),
  spread: z.object({ low: z.number(), high: z.number() }).optional(),
  isLeftToChance: z.literal(true).optional(),
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
  machine: z.object({ node: text, platform: text, arch: text, cores: z.number() }),
  target: z.object({ isOwn: z.boolean() }),
  scenario: z.object({ name: text, sha256: text, seed: z.int(), overrides: z.array(text) }),
  repeat: z.object({ runs: z.array(z.unknown()) }).optional(),
  expectations: z.array(expectation),
  total: z.object({ metrics: z.array(metric) }),
  generator: z.array(z.object({ maxRunQueueWait: z.number().optional() })),
});

const report = z.object({ version: z.literal(1), results: z.array(result) });

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
    throw fail(json.trim() === '' ? 'an empty file.' : `no JSON: ${messageOf(error).split('\n', 1)[0]}`);
  }
  const version = z.looseObject({ version: z.number(), results: z.array(z.unknown()) }).safeParse(content);
  if (!version.success) throw fail('some other JSON; make one with: npx datafn-ws bench --json FILE.');
  if (version.data.version !== 1) {
    throw fail(
      `one of version ${version.data.version} of the format, and this tool reads version 1; make it again with this tool.`,
    );
  }
  const read = report.safeParse(content);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw fail(`one with a mistake at ${issue?.path.join('.')}: ${issue?.message}`);
  }
  if (read.data.results.length === 0) throw fail('one without any result: no scenario was run.');
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
      ? 'that was stopped before it was over'
      : 'that was not valid: its numbers are not those of the server';
  throw new DatafnWsError(
    'ERR_INVALID_OPTION',
    `Expected ${name} to be of complete, valid runs, got a run of ${scenario.name} ${why}. Run it again.`,
  );
}

import { expect, test } from 'vitest';
import type { JsonResult } from '../../../src/bench/report/schema.js';
import { parseScenario } from '../../../src/bench/scenario/load.js';
import { Baseline } from '../../../src/cli/bench/baseline.js';
import type { Io } from '../../../src/cli/io.js';
import { filledReport } from '../../bench/filled.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const { file } = temporaryFolder('baseline');
const report = filledReport(['accepted >= 1']);
const [result] = report.results as [JsonResult];
const baseline = file('base.json', JSON.stringify(report));

const named = (name: string) =>
  parseScenario(
    `version: 1
name: ${name}
cohorts:
  steady: { clients: 1 }
phases:
  - hold: 1s
expect: [accepted == 0]
`,
    `${name}.yaml`,
  );

/** The baseline of some scenarios, and what is said about it. */
async function read(...names: string[]) {
  const said: string[] = [];
  const io = { stderr: { write: (text: string) => said.push(text) }, env: {} } as unknown as Io;
  const read = (await Baseline.read({ baseline, failOn: [] }, names.map(named), io)) as Baseline;
  return { said, baseline: read };
}

test('a scenario that the baseline does not have is said before anything is run, and is not compared', async () => {
  const { said, baseline } = await read('other', 'sample');
  expect(said).toEqual(['other is not in the baseline: it will not be compared\n']);
  expect(baseline.compare(result, 0)).toBe(result);
  expect(baseline.compare(result, 1).comparison).toBeDefined();
});

test.each(['aborted', 'invalid'] as const)(
  'a result that is %s is not compared, and that is said',
  async (verdict) => {
    const { said, baseline } = await read('sample');
    const without = { ...result, verdict };
    expect(baseline.compare(without, 0)).toBe(without);
    expect(said).toEqual([`sample is ${verdict}: it is not compared\n`]);
  },
);

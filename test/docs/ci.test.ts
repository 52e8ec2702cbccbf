import { expect, test } from 'vitest';
import { benchOptions } from '../../src/options/bench.js';
import { flagOf } from '../../src/options/spec.js';
import { ciCommands, ciFiles, ciPage } from '../support/ci-page.js';
import { runWith } from '../support/run-in-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { file } = temporaryFolder('ci-page');

test('the page has a scenario, a workflow and a job', () => {
  expect(Object.keys(ciFiles)).toEqual(['bench/ci.yaml', '.github/workflows/bench.yaml', '.gitlab-ci.yml']);
  expect(ciCommands['GitHub Actions']).toHaveLength(2);
  expect(ciCommands.GitLab).toHaveLength(2);
});

test('every flag for a file that it tells of is one, and every one is told of', () => {
  const told = [...ciPage.matchAll(/^\| `--([\w-]+) FILE`/gm)].map(([, flag]) => flag).sort();
  const reports = Object.entries(benchOptions)
    .filter(
      ([, { help }]) => / to a file; - for stdout|; - for stdout/.test(help) || /- for stdout/.test(help),
    )
    .map(([key]) => flagOf(key));
  expect(told).toEqual(reports.sort());
});

test('its scenario is valid, and so are the flags of its commands', async () => {
  const scenario = file('ci.yaml', ciFiles['bench/ci.yaml'] ?? '');
  const commands = Object.values(ciCommands)
    .flat()
    .flatMap((script) => script.match(/(?<=npx datafn-ws )bench .*/g) ?? []);
  expect(commands).toHaveLength(2);
  for (const command of commands) {
    const words = command.split(' ').filter((word) => word !== '"$@"');
    const { code, stdout, stderr } = await runWith([
      ...words.map((word) => (word === 'bench/ci.yaml' ? scenario : word)),
      '--validate',
    ]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ci is valid/);
  }
});

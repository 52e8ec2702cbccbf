import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { benchFlags } from '../../src/cli/bench/options.js';
import { flagOf } from '../../src/options/spec.js';
import { filledReport } from '../bench/filled.js';
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
  const reports = Object.entries(benchFlags)
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

describe.skipIf(spawnSync('jq', ['--version']).status !== 0)('its jq program for a chart', () => {
  const [, program = ''] = /^jq '([\s\S]*?)' report\.json/m.exec(ciPage) ?? [];
  const entriesOf = (...args: Parameters<typeof filledReport>): { name: string; unit: string }[] => {
    const { stdout, stderr } = spawnSync('jq', [program], { input: JSON.stringify(filledReport(...args)) });
    expect(String(stderr)).toBe('');
    return JSON.parse(String(stdout));
  };

  test('takes durations and sizes of all clients, each once, of which less is better', () => {
    const entries = entriesOf(['steady.accepted == 1000']);
    expect(entries).toContainEqual({ name: 'sample: fanout.p99', unit: 'ms', value: expect.any(Number) });
    expect(entries.map(({ name }) => name)).toContain('sample: server.rss');
    expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length);
    for (const { name, unit } of entries) {
      expect(name).not.toMatch(/api\.rate|cursors|closed|accepted|steady/);
      expect(['ms', 'bytes']).toContain(unit);
    }
    expect(entriesOf(['steady.accepted == 1'])).toHaveLength(entries.length);
  });

  test.each([{ aborted: true }, { invalid: ['Worker 1 died'] }])(
    'skips a run that is no good: %j',
    (parts) => {
      expect(entriesOf(['steady.accepted == 1000'], parts)).toEqual([]);
    },
  );
});

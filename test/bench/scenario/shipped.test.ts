import { describe, expect, test } from 'vitest';
import {
  DEFAULT_SCENARIO,
  loadScenario,
  scenarioFile,
  shippedScenarios,
} from '../../../src/bench/scenario/load.js';

const names = await shippedScenarios();

test('the scenarios that ship include the one that is run when none is named', () => {
  expect(names).toContain(DEFAULT_SCENARIO);
  expect(names).toEqual(expect.arrayContaining(['heartbeat', 'limits', 'smoke']));
});

describe.each(names)('%s', (name) => {
  test('is valid, is called like its file, and says what it shows', async () => {
    const scenario = await loadScenario(await scenarioFile(name));
    expect(scenario.name).toBe(name);
    expect(scenario.summary).toMatch(/^[A-Z\d].*\.$/);
    expect(scenario.expectations.length).toBeGreaterThan(0);
  });
});

test('a name near one that ships is told the right one, and all there are', async () => {
  await expect(scenarioFile('smok')).rejects.toMatchObject({
    code: 'ERR_INVALID_SCENARIO',
    message: expect.stringMatching(/smok\. Did you mean `smoke`\?.*limits/),
  });
});

test('a path is taken as it is, and one that is not there is named', async () => {
  const path = import.meta.filename;
  expect(await scenarioFile(path)).toBe(path);
  await expect(scenarioFile('./no/such.yaml')).rejects.toThrow('./no/such.yaml');
});

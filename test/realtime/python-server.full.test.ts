import { afterAll, describe, expect, test } from 'vitest';
import { PYTHON, startAiohttp, stopAiohttp } from '../support/aiohttp-server.js';
import { disposeProcesses } from '../support/cli-process.js';
import { benchWith } from '../support/faulty-bench.js';
import { smaller } from '../support/smaller.js';

// A server in another language, with another layout of messages: what a DataFn client understands is right.

afterAll(async () => {
  await disposeProcesses();
  await stopAiohttp();
});

/** The scenario as it ships, with fewer clients and a faster heartbeat, and so with waits as much shorter. */
const REMOTE = smaller(
  'remote',
  {
    'users.accepted == 200': 'users.accepted == 40',
    'users.open == 200': 'users.open == 40',
    'users.heartbeat.interval.p50 > 25s': 'users.heartbeat.interval.p50 > 1s',
    'users.heartbeat.interval.p50 < 35s': 'users.heartbeat.interval.p50 < 10s',
  },
  {
    'cohorts.users.clients': '40',
    'phases[emit].emit.for': '1s',
    'phases[hold].hold': '4s',
    'phases[6].emit.for': '500ms',
  },
);

/** Runs it against the Python server with these flags. */
async function bench(flags: readonly string[], more: readonly string[] = []) {
  const { wsUrl, pushUrl } = await startAiohttp(
    ...['--heartbeat-interval', '0.5', '--heartbeat-timeout', '1'],
    ...flags,
  );
  const emits = ['--emit-url', pushUrl, '--emit-body', '{"namespace":"{namespace}","cursor":"{cursor}"}'];
  return benchWith([...REMOTE, '--url', wsUrl, ...emits, ...more]);
}

const NEEDED = 'a Python with aiohttp (Debian: python3-aiohttp)';

// A machine of ours that checks the project has it.
test.runIf(process.env.CI === 'true')(`there is ${NEEDED}`, () => {
  expect(PYTHON).toBeDefined();
});
test.skipIf(PYTHON !== undefined || process.env.CI === 'true')(`not run: it takes ${NEEDED}`, () => {});

describe.skipIf(PYTHON === undefined).concurrent('the scenario `remote` on a server in Python', () => {
  test.each<[string, string[]]>([
    ['with blanks in its JSON', []],
    ['with a field `targeting`', ['--targeting']],
    ['with cursors that are numbers', ['--number']],
  ])('passes %s', async (_, flags) => {
    const outcome = await bench(flags);
    expect(outcome.broken, outcome.output).toEqual([]);
    expect(outcome.code, outcome.output).toBe(0);
  });

  test('passes with a greeting, and shows what came besides cursors', async () => {
    const outcome = await bench(['--greeting']);
    expect(outcome.broken, outcome.output).toEqual([]);
    expect(outcome.code, outcome.output).toBe(0);
    const words = outcome.output.replace(/\s+/g, ' ');
    expect(words).toMatch(
      /Cohort users got 40 messages \(type "welcome"\)\. The first, .*?\{"type": "welcome", "namespace": "[\w-]+:user:\d+"\}/,
    );
    expect(words).toMatch(/Cohort users got 40 messages \(text that is not JSON\)\. The first, .*?: hello/);
    expect(words).toMatch(/Cohort users got 40 messages \(binary\)\. The first, .*?2 bytes: 00 01/);
  });

  test.each<[string, string, RegExp[]]>([
    ['loses one', '--lose-one', [/^cursors\.lost == 0 1 /]],
    ['leaks one', '--leak-one', [/^cursors\.leaked == 0 1 /]],
  ])('fails with the right rule when a server %s', async (_, flag, rules) => {
    const outcome = await bench([flag, '--targeting']);
    expect(
      outcome.broken.map((line) => rules.some((rule) => rule.test(`${line} `))),
      outcome.output,
    ).toEqual([true]);
    expect(outcome.code, outcome.output).toBe(1);
  });

  test('says first what arrives when nothing of it is a cursor', async () => {
    const outcome = await bench(['--no-cursors'], ['--set', 'phases[5].hold=100ms']);
    expect(outcome.code, outcome.output).toBe(1);
    const [head = ''] = outcome.output.split('\n\n');
    expect(head.replace(/\s+/g, ' ')).toMatch(
      /! No cursor arrived, but [\d,]+ deliveries should have\. What arrived: [\d,]+ of JSON without a type, such as \{"event": "changed"/,
    );
  });
});

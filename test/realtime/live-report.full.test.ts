import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, afterEach, expect, test } from 'vitest';
import { disposeProcesses, runCli, startCli } from '../support/cli-process.js';
import { closeReaders, readStream } from '../support/event-reader.js';
import { call } from '../support/http-call.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { TINY, WAITING } from '../support/tiny-scenarios.js';

const { file, path } = temporaryFolder('live-report');
afterEach(closeReaders);
afterAll(disposeProcesses);

const tiny = file('tiny.yaml', TINY);
const second = file('second.yaml', TINY.replace('name: tiny', 'name: second'));
const waiting = file('waiting.yaml', WAITING);

/** Starts bench with a live page and metrics. */
async function startLive(args: readonly string[]) {
  const run = startCli(['bench', '--live', ...args, '--workers', '1', '--metrics-listen', '127.0.0.1:0']);
  const url = (await run.logged(/^live report: http/)).replace('live report: ', '');
  const metricsUrl = (await run.logged(/^metrics: http/)).replace('metrics: ', '');
  return { run, url, metricsUrl };
}

test('follows every run of several scenarios, then has the report of all, and bench ends as it always does', async () => {
  const json = path('all.json');
  const { run, url, metricsUrl } = await startLive([tiny, second, '--repeat', '2', '--json', json]);
  const reader = await readStream(`${url}events`);
  await reader.until('points', 2);
  expect((await call('GET', metricsUrl)).text).toContain('scenario="tiny",run="1"');
  const [report] = await reader.until('report');
  const { code } = await run.ended();
  const { results } = JSON.parse(readFileSync(json, 'utf8'));
  expect(results.map(({ scenario }: { scenario: { name: string } }) => scenario.name)).toEqual([
    'tiny',
    'second',
  ]);
  // 5: the machine was busy. What counts here is that it is the code of the report.
  expect([0, 5]).toContain(code);
  const positions = [...new Set(reader.of('run').map(({ data }) => `${data.name}: ${data.position}`))];
  expect(positions.at(-1)).toBe('second: scenario 2 of 2, run 2 of 2');
  expect(positions.length).toBeGreaterThanOrEqual(3);
  expect(reader.of('earlier').at(-1)?.data).toHaveLength(4);
  expect(report?.data.main).toMatch(/tiny[\s\S]+second/);
});

test('Ctrl-C has the page told the report of what there is', async () => {
  const { run, url } = await startLive([waiting]);
  const reader = await readStream(`${url}events`);
  await run.until(() => run.stderr.includes('1/2 connect 20 clients (steady)'), 'the second phase');
  run.kill('SIGINT');
  const [report] = await reader.until('report');
  expect(report?.data.title).toBe('Aborted: waiting');
  expect((await run.ended()).code).toBe(130);
});

test('a reader that reads nothing changes neither the result nor when bench ends', async () => {
  const { run, url } = await startLive([tiny]);
  const { hostname, port } = new URL(url);
  const stuck = connect(Number(port), hostname);
  stuck.pause();
  stuck.write('GET /events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  stuck.on('error', () => {});
  const { code } = await run.ended();
  expect([0, 5]).toContain(code);
  expect(run.stdout).toMatch(/tiny: /);
  stuck.destroy();
});

test('bench find shows each of its runs', async () => {
  const args = ['--of', 'clients', '--from', '20', '--to', '40'];
  const run = startCli(['bench', 'find', '--live', tiny, ...args, '--workers', '1']);
  const url = (await run.logged(/^live report: http/)).replace('live report: ', '');
  const reader = await readStream(`${url}events`);
  await reader.until('report');
  await run.ended();
  const positions = [...new Set(reader.of('run').map(({ data }) => data.position))];
  expect(positions.at(-1)).toMatch(/^run \d+: \d+ clients$/);
  expect(reader.of('earlier').at(-1)?.data[0].name).toMatch(/^tiny, run 1: 20 clients$/);
});

test('without a flag for it, nothing of it is loaded', async () => {
  const loadedBy = async (name: string, flags: readonly string[]) => {
    const folder = path(name);
    const { code, stderr } = await runCli(['bench', tiny, '--workers', '1', ...flags], {
      env: { NODE_V8_COVERAGE: folder },
    });
    expect([0, 1, 5], stderr).toContain(code);
    // Each process writes a file; that of bench is the one with the recorder in it.
    const scripts = readdirSync(folder).map((one) =>
      (JSON.parse(readFileSync(`${folder}/${one}`, 'utf8')).result as { url: string }[]).map(
        ({ url }) => url,
      ),
    );
    const [own = []] = scripts.filter((urls) => urls.some((url) => url.endsWith('/dist/bench/recorder.js')));
    expect(own.length).toBeGreaterThan(50);
    return own.filter((url) =>
      /dist\/(cli\/bench\/live\/(live|port)|bench\/live\/(page|run-metrics|metrics|observers)|server\/http|bench\/report\/formats\/live)|prom-client/.test(
        url,
      ),
    );
  };
  expect(await loadedBy('without', [])).toEqual([]);
  // So that a file that was renamed does not make this pass by finding nothing.
  expect((await loadedBy('with', ['--live', '--metrics-listen', '127.0.0.1:0'])).length).toBeGreaterThan(5);
});

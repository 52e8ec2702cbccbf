import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { MAX_PAGE_READERS } from '../../../src/bench/live/page-feed.js';
import { filledReport } from '../../bench/filled.js';
import { closeReaders, readStream } from '../../support/event-reader.js';
import { call } from '../../support/http-call.js';
import { ObservedRun, observedScenario } from '../../support/observed-run.js';
import { closeLive, openedLive } from '../../support/opened-live.js';
import { runWith } from '../../support/run-in-process.js';

afterEach(async () => {
  closeReaders();
  await closeLive();
});

const about = { scenario: observedScenario(), target: 'ws://x', position: '' };

describe('--live', () => {
  test.each([
    [['bench', '--live', 'smoke', '--validate'], 'smoke is valid'],
    [['bench', '--live', '0', 'smoke', '--validate'], 'smoke is valid'],
    [['bench', '--live', '0.0.0.0:8080', 'smoke', '--validate'], 'smoke is valid'],
    [['bench', '--live=8080', 'smoke', '--validate'], 'smoke is valid'],
    [['bench', 'smoke', '--validate', '--live'], 'smoke is valid'],
  ])('takes a port, an address or nothing: %j', async (args, said) => {
    const { code, stdout, stderr } = await runWith(args);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(said);
    expect(stdout.match(/valid/g)).toHaveLength(1);
  });

  test.each([
    [
      ['--live=http://x'],
      '--live to be a port such as 8080, or a host and a port such as 0.0.0.0:8080, got "http://x"',
    ],
    [
      ['--live', '65536'],
      '--live to be a port such as 8080, or a host and a port such as 0.0.0.0:8080, got "65536"',
    ],
    [
      ['--metrics-listen', '9464'],
      '--metrics-listen to be a host and a port such as 127.0.0.1:9464 (port 0 picks a free one), got "9464"',
    ],
  ])('of bench and of bench find says what it expected: %j', async (flags, said) => {
    for (const command of [['bench'], ['bench', 'find']]) {
      const { code, stderr } = await runWith([...command, ...flags]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(`error: Expected ${said}\n`)]);
    }
  });

  test.each(['--live', '--metrics-listen'])(
    '%s on a port that is taken says so before anything is run',
    async (flag) => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const { port } = other.address() as AddressInfo;
      const { code, stdout, stderr } = await runWith(['bench', 'smoke', `${flag}=127.0.0.1:${port}`]);
      other.close();
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toBe(
        `error: Port ${port} on 127.0.0.1 is already in use: stop the other program, or choose another port with ${flag} (0 picks a free one)\n`,
      );
    },
  );
});

describe('the server of the live page', () => {
  test('has the page, whose policy lets only its own scripts and style run, by their hashes', async () => {
    const { url } = await openedLive();
    const { status, headers, text: body } = await call('GET', url);
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      200,
      'text/html; charset=utf-8',
      'no-store',
    ]);
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; /);
    expect(policy).not.toContain('unsafe');
    const inline = [
      ...body.matchAll(/<(?:style|script(?! type="application\/json")[^>]*)>([\s\S]*?)<\/(?:style|script)>/g),
    ];
    expect(inline).toHaveLength(3);
    for (const [, source = ''] of inline)
      expect(policy).toContain(`'sha256-${createHash('sha256').update(source).digest('base64')}'`);
    expect(body).not.toMatch(/\b(?:src|href)="(?!data:,|#)/);
  });

  test('follows one run after the other, and the metrics are those of the present one', async () => {
    const { live, url, metricsUrl } = await openedLive();
    const reader = await readStream(`${url}events`);
    const screen = { phaseStarted() {} };
    const first = new ObservedRun(live.show(about, screen));
    first.start(0);
    first.seconds(1);
    await reader.until('points', 2);
    first.progress({ received: 77 });
    expect((await call('GET', metricsUrl)).text).toContain('deliveries_total{scenario="sample",run="1"} 77');
    live.ended(filledReport(['steady.accepted == 999']).results[0] as never, '');
    await reader.until('earlier', 2);
    live.show({ ...about, scenario: observedScenario('second') }, screen);
    await reader.until('points', 3);
    expect(reader.of('run').at(-1)?.data.name).toBe('second');
    const { text: body } = await call('GET', metricsUrl);
    expect(body).toContain('deliveries_total{scenario="second",run="2"} 0');
    expect(body).not.toContain('scenario="sample"');
    await live.finish(filledReport(['steady.accepted == 999']));
    await reader.ended();
    expect(reader.events.at(-1)?.event).toBe('report');
  });

  test('answers only for a loopback name, so that no page reads it by rebinding its own', async () => {
    const { url, metricsUrl } = await openedLive();
    for (const one of [url, `${url}events`, metricsUrl]) {
      const { status, json } = await call('GET', one, { headers: { host: 'evil.example' } });
      expect([status, json.field]).toEqual([403, 'Host']);
    }
    const { port } = new URL(url);
    expect((await call('GET', url, { headers: { host: `localhost:${port}` } })).status).toBe(200);
  });

  test('on another address answers whoever asks, which is why it was put there', async () => {
    const { url } = await openedLive({ host: '0.0.0.0' });
    const { port } = new URL(url);
    const { status } = await call('GET', `http://127.0.0.1:${port}/`, { headers: { host: 'bench.example' } });
    expect(status).toBe(200);
  });

  test('only shows: it has no other path, and takes no other method', async () => {
    const { url, metricsUrl } = await openedLive();
    expect((await call('GET', `${url}metrics`)).status).toBe(404);
    expect((await call('GET', new URL('/', metricsUrl).href)).status).toBe(404);
    for (const one of [url, `${url}events`, metricsUrl]) expect((await call('POST', one)).status).toBe(405);
  });

  test('takes twenty readers, and has room for another when one leaves', async () => {
    const { url } = await openedLive();
    const readers = await Promise.all(
      Array.from({ length: MAX_PAGE_READERS }, () => readStream(`${url}events`)),
    );
    const { status, headers } = await call('GET', `${url}events`);
    expect([status, headers['retry-after']]).toEqual([503, '5']);
    readers[0]?.close();
    await expect
      .poll(() =>
        readStream(`${url}events`).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
  });
});

import { afterEach, expect, test } from 'vitest';
import { driveWithAutocannon, racingPlan } from '../../../src/bench/emitter/autocannon.js';
import { type EmitTemplate, TemplateClient } from '../../../src/bench/emitter/emitter.js';
import { monotonicMs } from '../../../src/bench/measure/clock.js';
import { emptyMeasurements } from '../../../src/bench/measure/measurements.js';
import type { EmitPhase } from '../../../src/bench/phases/emit.js';
import { within } from '../../support/deadline.js';
import { startFakeApi, startRaw, stopFakes } from './fake-api.js';

afterEach(stopFakes);

const template = (port: number): EmitTemplate => ({
  method: 'POST',
  url: `http://127.0.0.1:${port}/{namespace}`,
  headers: {},
  body: '{cursor}',
  tls: undefined,
});

test.each<[string, string, string]>([
  ['its head', 'HTTP/1.1 200 OK\r\nx: ', 'x'],
  ['its body', 'HTTP/1.1 200 OK\r\n\r\n', ' '],
  ['interim answers', '', 'HTTP/1.1 102 Processing\r\n\r\n'],
])(
  'an emit by a template has failed at its deadline when the server sends a bit of %s now and then',
  async (_, head, bit) => {
    const port = await startRaw((socket) => {
      socket.write(head);
      const timer = setInterval(() => socket.write(bit), 20);
      socket.on('close', () => clearInterval(timer));
    });
    const client = new TemplateClient(template(port), 100);
    const emitting = client.emit([{ namespace: 'a', cursor: '1' }]);
    await expect(within(emitting, 'the deadline')).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: expect.stringMatching(/no complete answer within \d+ ms/),
    });
    client.close();
  },
);

test('a server that switches protocols unasked, or repeats a header, fails the emit at once and is not quoted', async () => {
  const answers = [
    [
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
      '101 Switching Protocols',
    ],
    ['HTTP/1.1 500 No a-secret-key\r\nContent-Length: 0\r\n\r\n', '500 No …'],
  ] as const;
  for (const [answer, told] of answers) {
    const port = await startRaw((socket) => socket.write(answer));
    const client = new TemplateClient({ ...template(port), headers: { 'x-key': 'Key a-secret-key' } });
    const emitting = client.emit([{ namespace: 'a', cursor: '1' }]);
    await expect(within(emitting, 'the end of an emit')).rejects.toThrow(told);
    client.close();
  }
});

test('the cursors of a batch share one deadline: a server that answers each in time, but slowly, is late in the end', async () => {
  let answered = 0;
  const port = await startRaw((socket) => {
    const answer = () => {
      setTimeout(() => {
        answered += 1;
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      }, 100);
    };
    answer();
    socket.on('data', answer);
  });
  const client = new TemplateClient(template(port), 500);
  const batch = Array.from({ length: 100 }, (_, index) => ({ namespace: 'a', cursor: String(index) }));
  await expect(within(client.emit(batch), 'the deadline')).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
  expect(answered).toBeLessThan(10);
  client.close();
});

test('autocannon can drive emits by a template, one request for each cursor', async () => {
  const api = await startFakeApi((response) => response.end());
  const phase: EmitPhase = {
    kind: 'emit',
    via: 'autocannon',
    namespaces: [0, 1],
    ratePerSecond: 40,
    durationMs: 1000,
    batch: 2,
    cursorLength: 0,
    connections: 2,
    settleMs: 0,
    mayFail: false,
    to: 'all',
    owes: 'every',
  };
  const plan = racingPlan(phase, 1, 1000, monotonicMs());
  const measured = emptyMeasurements([]);
  const body = '[{"namespace":"{namespace}","cursor":"{cursor}"}]';
  const target = { kind: 'template', template: { ...template(api.port), body } } as const;
  const { signal } = new AbortController();
  const { emitted, failed } = await driveWithAutocannon(phase, plan, ['a', 'b'], target, measured, signal);
  expect(failed).toEqual([]);
  expect(emitted).toBeGreaterThan(0);
  expect(api.emissions.map(({ cursor }) => Number(cursor)).sort()).toEqual(
    Array.from({ length: emitted }, (_, index) => 1000 + index),
  );
});

import { randomBytes } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { everyReport } from '../support/bench-reports.js';
import { disposeProcesses } from '../support/cli-process.js';
import { benchWith, startFaulty, stopFaulty } from '../support/faulty-bench.js';
import { leaksIn } from '../support/leaks.js';
import { smaller } from '../support/smaller.js';
import { temporaryFolder } from '../support/temporary-folder.js';

// Somebody else's server: no line of ours in it, a token scheme and an API of its own, and nothing that it says of itself.

const { folder } = temporaryFolder('other-servers');
afterAll(async () => {
  await disposeProcesses();
  await stopFaulty();
});

test('the scenario remote passes by URL, with tokens and an API of the server, and no secret is printed', async () => {
  const [secret, header] = [randomBytes(24).toString('base64url'), randomBytes(24).toString('base64url')];
  const { wsUrl, apiUrl } = await startFaulty('--no-api', `--jwt-secret=${secret}`);
  const reports = everyReport(folder, 'remote');
  const remote = smaller(
    'remote',
    {
      // Heartbeats take seconds, in which a machine can do a lot.
      'silent.closed[1001] == 10': 'silent.accepted == 10',
      'heartbeat.falseTimeouts == 0': 'spoofers.accepted == 10',
      'users.heartbeat.interval.p50 > 25s': 'users.accepted == 200',
      'users.heartbeat.interval.p50 < 35s': 'cursors.foreign == 0',
      'fanout.p99 < 2s': 'fanout.p99 < 20s',
    },
    {
      'phases[0].connect.rate': '1000/s',
      'phases[emit].emit.for': '500ms',
      'phases[hold].hold': '10ms',
      'phases[6].emit.for': '500ms',
    },
  );
  const outcome = await benchWith([
    ...[...remote, '--url', wsUrl, '--workers', '1', ...reports.flags],
    ...['--jwt-secret', secret, '--jwt-claims', '{"tenant":"{namespace}"}'],
    ...['--emit-url', `${apiUrl}/push`, '--emit-body', '{"namespace":"{namespace}","cursor":"{cursor}"}'],
    ...['--emit-header', `x-key: ${header}`],
  ]);
  expect(outcome.broken, outcome.output).toEqual([]);
  expect(outcome.code, outcome.output).toBe(0);
  const { json, ...texts } = reports.read();
  const printed = [outcome.output, JSON.stringify(json), ...Object.values(texts)];
  expect(leaksIn(printed.join('\n'), [secret, header])).toEqual([]);
  // Left running.
  expect((await fetch(`${apiUrl}/readyz`)).status).toBe(200);
});

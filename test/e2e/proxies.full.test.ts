import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { disposeProcesses, type ServeProcess, startServe } from '../support/cli-process.js';
import { EVENT_WITHIN_MS } from '../support/deadline.js';
import { call, postCursors } from '../support/http-call.js';
import { connectClient, disposeLive, openClient } from '../support/live-server.js';
import {
  disposeProxies,
  documented,
  freePort,
  hasCommand,
  startHaproxy,
  startNginx,
} from '../support/proxies.js';
import type { RawClient } from '../support/raw-client.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** `IDLE_SECONDS=70` leaves the timeouts and the heartbeat as they are documented, and waits so long. */
const IDLE_SECONDS = Number(process.env.IDLE_SECONDS ?? 0);
/** Otherwise both are a fifteenth: room for a process that is stopped for some seconds. */
const [TIMEOUT, HEARTBEAT] = IDLE_SECONDS === 0 ? ['4s', '1s'] : ['60s', '30s'];
const PINGS = IDLE_SECONDS === 0 ? 9 : Math.floor(IDLE_SECONDS / 30);

const TOKEN = 'a-long-random-token';
const { folder, path, file } = temporaryFolder('proxies');
const tokens = file('tokens.yaml', `${TOKEN}: user:alice\n`);

afterEach(async () => {
  await disposeLive();
  await disposeProxies();
  await disposeProcesses();
});

/** A proxy may keep the connection of a client that was refused. */
const answered = (client: RawClient) => client.until(() => client.body.endsWith('}'), 'a problem document');

/** A server as the page says, and a proxy in front of it: where the proxy listens. */
type Behind = (
  heartbeat?: string,
  flags?: readonly string[],
) => Promise<{ origin: string; serve: ServeProcess }>;

const serveBehind = (heartbeat: string, flags: readonly string[]) =>
  startServe([
    ...['--auth', 'tokens', '--tokens', tokens, '--trust-proxy', 'loopback'],
    ...['--heartbeat-interval', heartbeat, ...flags],
  ]);

const behindNginx: Behind = async (heartbeat = HEARTBEAT, flags = []) => {
  const serve = await serveBehind(heartbeat, flags);
  const port = await freePort();
  const config = documented('nginx', {
    'listen 80;': `listen 127.0.0.1:${port};`,
    '127.0.0.1:3001': new URL(serve.apiUrl).host,
    '/var/log/nginx/datafn-ws.log': path('access.log'),
    '60s;': `${TIMEOUT};`,
  });
  await startNginx(folder, config, port);
  return { origin: `127.0.0.1:${port}`, serve };
};

let haproxyStats = '';
const behindHaproxy: Behind = async (heartbeat = HEARTBEAT, flags = []) => {
  const serve = await serveBehind(heartbeat, flags);
  const [port, statsPort] = [await freePort(), await freePort()];
  const config = documented('haproxy', {
    'bind :80': `bind 127.0.0.1:${port}`,
    '127.0.0.1:3001': new URL(serve.apiUrl).host,
    ' 60s': ` ${TIMEOUT}`,
    'inter 2s': 'inter 200ms',
  });
  haproxyStats = `http://127.0.0.1:${statsPort}/;csv`;
  const stats = `frontend stats\n  bind 127.0.0.1:${statsPort}\n  stats enable\n  stats uri /\n`;
  await startHaproxy(folder, `${config}\n${stats}`, port);
  return { origin: `127.0.0.1:${port}`, serve };
};

/** What HAProxy makes of the health checks of the one server. */
async function haproxyHealth(): Promise<string> {
  const [head = '', ...lines] = (await call('GET', haproxyStats)).text.replace(/^# /, '').split('\n');
  const names = head.split(',');
  const cells = lines.find((line) => line.startsWith('datafn_ws,ws1,'))?.split(',') ?? [];
  return ['status', 'check_status'].map((name) => cells[names.indexOf(name)]).join(' ');
}

/** HAProxy tells nobody when a check is over, so it is asked. */
async function untilHealth(wanted: RegExp): Promise<void> {
  const untilMs = performance.now() + EVENT_WITHIN_MS;
  while (!wanted.test(await haproxyHealth())) {
    if (performance.now() > untilMs) throw new Error(`Expected ${wanted}, got ${await haproxyHealth()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe.each([
  ['nginx', 'nginx-light', behindNginx],
  ['haproxy', 'haproxy', behindHaproxy],
] as const)('behind %s, as docs/proxies.md configures it,', (command, packageName, behind) => {
  const isThere = hasCommand(command);
  test.runIf(process.env.CI === 'true')(`there is ${packageName}`, () => expect(isThere).toBe(true));
  test.skipIf(isThere || process.env.CI === 'true')(`not run: it takes ${packageName}`, () => {});

  describe.skipIf(!isThere)('a server', () => {
    test('gets its clients, with their own address, and they get cursors', async () => {
      const { origin, serve } = await behind();
      const client = await openClient(`ws://${origin}/datafn/ws`, TOKEN, {
        headers: { Host: 'app.example.com' },
        localAddress: '127.0.0.2',
      });
      await serve.logged(/\+ #1 user:alice connected/);
      await postCursors(serve.apiUrl, { namespace: 'user:alice', cursor: '42' });
      expect(await client.received(1)).toEqual(['{"type":"cursor","cursor":"42"}']);
    });

    test('keeps clients that are idle for longer than the timeout of the proxy, by its heartbeat', async () => {
      const startedAtMs = performance.now();
      const { origin } = await behind();
      const client = await openClient(`ws://${origin}/datafn/ws`, TOKEN);
      const idleMs = Math.max(IDLE_SECONDS * 1000, PINGS * 1000) + 10_000;
      await client.until(() => client.pings >= PINGS, `${PINGS} pings`, EVENT_WITHIN_MS + idleMs);
      if (IDLE_SECONDS > 0) {
        const leftMs = IDLE_SECONDS * 1000 - (performance.now() - startedAtMs);
        await new Promise((resolve) => setTimeout(resolve, leftMs));
        process.stderr.write(
          `${command}: idle for ${IDLE_SECONDS} s, ${client.pings} pings, open: ${client.isOpen}\n`,
        );
      }
      await client.roundTrip();
      expect(client.isOpen).toBe(true);
    });

    test.skipIf(IDLE_SECONDS > 0)('loses them at that timeout without a heartbeat', async () => {
      const { origin } = await behind('0');
      const client = await openClient(`ws://${origin}/datafn/ws`, TOKEN);
      await client.gone();
      expect([client.pings, client.closeFrame]).toEqual([0, undefined]);
    });

    test('refuses as it does without a proxy', async () => {
      const { origin } = await behind();
      const refused = await openClient(`ws://${origin}/datafn/ws`, 'no-such-token-at-all');
      expect((await refused.closed()).code).toBe(4401);
      const plain = await call('GET', `http://${origin}/datafn/ws`);
      expect([plain.status, plain.json.field]).toEqual([426, 'Upgrade']);
      const elsewhere = await connectClient(`ws://${origin}/datafn/ws`, {
        token: TOKEN,
        headers: { Origin: 'https://evil.example' },
      });
      await answered(elsewhere);
      expect([elsewhere.status, elsewhere.body]).toEqual([403, expect.stringContaining('evil.example')]);
      expect((await call('GET', `http://${origin}/v1/stats`)).status).toBe(404);
    });

    test('with --refuse-with http, refuses with a status that the proxy passes on', async () => {
      const { origin, serve } = await behind(HEARTBEAT, ['--refuse-with', 'http', '--max-connections', '0']);
      for (const [token, status, header] of [
        ['no-such-token-at-all', 401, /^www-authenticate: bearer/im],
        [TOKEN, 503, /^retry-after: \d+/im],
      ] as const) {
        const client = await connectClient(`ws://${origin}/datafn/ws`, { token });
        await answered(client);
        expect(client.status).toBe(status);
        expect(client.head).toMatch(header);
      }
      await serve.logged(/upgrade rejected with HTTP 401: .*: the token is not known$/);
    });
  });
});

describe.skipIf(!hasCommand('nginx'))('nginx', () => {
  test('has the sub-path and the probe, and no token in its log', async () => {
    const { origin } = await behindNginx();
    await openClient(`ws://${origin}/app/datafn/ws`, TOKEN);
    expect((await call('GET', `http://${origin}/readyz`)).status).toBe(200);
    await disposeLive();
    await disposeProxies();
    const log = readFileSync(path('access.log'), 'utf8');
    expect(log).not.toContain(TOKEN);
  });
});

describe.skipIf(!hasCommand('haproxy'))('HAProxy', () => {
  test('has its health check green, and sees a shutdown that has begun', async () => {
    const { origin, serve } = await behindHaproxy(HEARTBEAT, ['--drain', '60s']);
    await untilHealth(/^UP L7OK/);
    // The drain lasts as long as some of them are there.
    for (let count = 0; count < 10; count++) await openClient(`ws://${origin}/datafn/ws`, TOKEN);
    serve.kill('SIGTERM');
    await untilHealth(/^DOWN L7STS/);
  });

  test('with send-proxy is refused, and the log of the server names the fix', async () => {
    const { serve } = await behindHaproxy();
    const { port } = new URL(serve.apiUrl);
    const config = documented('haproxy', {
      'bind :80': `bind 127.0.0.1:${await freePort()}`,
      '127.0.0.1:3001 check inter 2s': `127.0.0.1:${port} check inter 200ms send-proxy`,
    });
    const statsPort = await freePort();
    haproxyStats = `http://127.0.0.1:${statsPort}/;csv`;
    const stats = `frontend stats\n  bind 127.0.0.1:${statsPort}\n  stats enable\n  stats uri /\n`;
    await startHaproxy(folder, `${config}\n${stats}`, statsPort);
    await serve.logged(/PROXY protocol \(version 1\).*Remove send-proxy/);
    await untilHealth(/^DOWN/);
  });
});

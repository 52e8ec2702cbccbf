import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { within } from '../support/deadline.js';
import { call } from '../support/http-call.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const ADMIN_TOKEN = '0123456789abcdef';
const hasNginx = spawnSync('nginx', ['-v'], { stdio: 'ignore' }).status === 0;
if (!hasNginx)
  process.stderr.write('Skipped: requests through nginx, which is not installed (apt install nginx)\n');

const { folder, file } = temporaryFolder('nginx');
let nginx: ChildProcess | undefined;
let serverPort = 0;
let nginxPort = 0;

beforeAll(async () => {
  if (!hasNginx) return;
  const { apiUrl } = await startServe(['--admin-token', ADMIN_TOKEN]);
  serverPort = Number(new URL(apiUrl).port);
  nginxPort = await startNginx(apiUrl);
});

afterAll(async () => {
  if (nginx?.exitCode === null) {
    nginx.kill('SIGQUIT');
    await once(nginx, 'exit');
  }
  await disposeProcesses();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** An nginx that hands everything to one server, on connections that it keeps. */
async function startNginx(apiUrl: string): Promise<number> {
  const port = await freePort();
  const config = file(
    'nginx.conf',
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr crit;
events {}
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  upstream api { server ${new URL(apiUrl).host}; keepalive 1; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off; }
  }
}
`,
  );
  nginx = spawn('nginx', ['-p', folder, '-c', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  for (;;) {
    const isUp = await call('GET', `http://127.0.0.1:${port}/healthz`).then(
      ({ status }) => status === 200,
      () => false,
    );
    if (isUp) return port;
    if (nginx.exitCode !== null) throw new Error('nginx ended at once');
    await sleep(50);
  }
}

/** Sends these bytes, and waits until the connection has ended, or has been silent for a moment. */
async function send(port: number, bytes: string): Promise<void> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.setTimeout(300, () => socket.destroy());
  socket.resume().write(bytes);
  await within(closed, 'the end of a connection');
}

const HIDDEN = 'GET /healthz?hidden HTTP/1.1\r\nHost: localhost\r\n\r\n';
const hex = HIDDEN.length.toString(16);
const head = (...lines: readonly string[]) =>
  [
    'POST /v1/cursors HTTP/1.1',
    'Host: localhost',
    `Authorization: Bearer ${ADMIN_TOKEN}`,
    ...lines,
    '',
    '',
  ].join('\r\n');

/** Requests whose end a proxy and a server could see in different places, with another one behind it. */
const SMUGGLED: readonly [string, string][] = [
  [
    'CL.TE',
    `${head(`Content-Length: ${5 + HIDDEN.length}`, 'Transfer-Encoding: chunked')}0\r\n\r\n${HIDDEN}`,
  ],
  ['TE.CL', `${head('Content-Length: 4', 'Transfer-Encoding: chunked')}${hex}\r\n${HIDDEN}\r\n0\r\n\r\n`],
  ['TE.TE', `${head('Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}0\r\n\r\n${HIDDEN}`],
  [
    'TE with a space before its colon',
    `${head('Transfer-Encoding : chunked', 'Content-Length: 0')}0\r\n\r\n${HIDDEN}`,
  ],
  [
    'TE that is almost chunked',
    head('Transfer-Encoding: xchunked', `Content-Length: ${HIDDEN.length}`) + HIDDEN,
  ],
  [
    'TE after a line feed alone',
    `${head('X: y\nTransfer-Encoding: chunked', `Content-Length: ${5 + HIDDEN.length}`)}0\r\n\r\n${HIDDEN}`,
  ],
  ['CL.CL', head('Content-Length: 0', `Content-Length: ${HIDDEN.length}`) + HIDDEN],
  ['a CL with a sign', head(`Content-Length: +${HIDDEN.length}`) + HIDDEN],
  [
    'a chunk length with more behind it',
    `${head('Transfer-Encoding: chunked')}0;x=\n${hex}\r\n\r\n${HIDDEN}`,
  ],
  [
    'GET with a body',
    `GET /v1/stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
  ],
  ['Expect and a body at once', head('Expect: 100-continue', `Content-Length: ${HIDDEN.length}`) + HIDDEN],
];

test.skipIf(!hasNginx).each(SMUGGLED)(
  'through nginx, no request is hidden in another by %s: those that follow get their own answers',
  async (_, bytes) => {
    const url = `http://127.0.0.1:${nginxPort}/v1/namespaces`;
    for (let count = 0; count < 3; count++) {
      await send(nginxPort, bytes);
      const { status, json } = await call('GET', url, {
        headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      });
      expect([status, json]).toEqual([200, { namespaces: [] }]);
    }
    // The same straight to the server.
    await send(serverPort, bytes);
  },
);

/**
 * A DataFn WebSocket server on nchan, a module of nginx in C, with this process to authorize its clients: the token in
 * the query, or the bearer token, is the namespace. GET /emit?namespace=NS&cursor=N broadcasts.
 *
 *     node nchan-server.mjs [--max-connections-per-namespace N] [--heartbeat-interval SECONDS]
 *
 * Prints one line of JSON with its URLs and the pid of nginx when that listens; ends with nginx, and when its stdin does.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({
  options: {
    'max-connections-per-namespace': { type: 'string', default: '100' },
    'heartbeat-interval': { type: 'string', default: '30' },
  },
});
const MODULES = '/usr/lib/nginx/modules';
const MAX_TOKEN_LENGTH = 255;

async function listening(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

async function freePort() {
  const server = createTcpServer();
  const port = await listening(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** The namespace of a token, as the id of a channel. */
function channelOf(token) {
  if (!token || token.length > MAX_TOKEN_LENGTH || /\p{Cc}/u.test(token)) return undefined;
  return Buffer.from(token).toString('base64url');
}

/** What nginx asks before it takes a client. */
function authorize(request, response) {
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  const { searchParams } = new URL(request.headers['x-original-uri'] ?? '/', 'http://localhost');
  const channel = channelOf(searchParams.get('token') ?? bearer);
  response
    .writeHead(channel === undefined ? 401 : 204, channel === undefined ? {} : { 'x-channel': channel })
    .end();
}

async function emit({ searchParams }, response) {
  const channel = channelOf(searchParams.get('namespace'));
  const body = JSON.stringify({ type: 'cursor', cursor: searchParams.get('cursor') });
  const { status } = await fetch(`${nginxUrl}/publish/${channel}`, { method: 'POST', body });
  response.writeHead(status < 300 ? 200 : 502).end();
}

const helper = createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  if (url.pathname === '/emit') void emit(url, response);
  else authorize(request, response);
});
const helperPort = await listening(helper);
const nginxPort = await freePort();
const nginxUrl = `http://127.0.0.1:${nginxPort}`;

const folder = mkdtempSync(join(tmpdir(), 'nchan-'));
const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
writeFileSync(
  join(folder, 'nginx.conf'),
  `load_module ${MODULES}/ngx_nchan_module.so;
daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  server {
    listen 127.0.0.1:${nginxPort};
    location = /authorize {
      internal;
      proxy_pass http://127.0.0.1:${helperPort};
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Original-URI $request_uri;
    }
    location = /datafn/ws {
      auth_request /authorize;
      auth_request_set $channel $upstream_http_x_channel;
      nchan_pubsub websocket;
      nchan_subscriber_channel_id $channel;
      # Hellos are messages, too: those of all clients go where nobody listens.
      nchan_publisher_channel_id hellos;
      nchan_subscriber_first_message newest;
      nchan_store_messages off;
      nchan_max_channel_subscribers ${flags['max-connections-per-namespace']};
      nchan_websocket_ping_interval ${flags['heartbeat-interval']};
    }
    location ~ ^/publish/(.+)$ {
      nchan_publisher http;
      nchan_channel_id $1;
      nchan_store_messages off;
    }
  }
}
`,
);

// It ends with this process, also when that is killed.
const nginx = spawn(
  'setpriv',
  ['--pdeathsig', 'KILL', 'nginx', '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
nginx.once('exit', () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
});
process.stdin.on('end', () => nginx.kill('SIGKILL')).resume();

async function answers() {
  const socket = connect(nginxPort, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
// Nothing tells when nginx listens.
while (!(await answers())) await new Promise((resolve) => setTimeout(resolve, 20));

const line = {
  wsUrl: `ws://127.0.0.1:${nginxPort}/datafn/ws`,
  emitUrl: `http://127.0.0.1:${helperPort}/emit`,
  pid: nginx.pid,
};
process.stdout.write(`${JSON.stringify(line)}\n`);

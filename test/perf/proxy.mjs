// What the proxy costs: node test/perf/proxy.mjs [pairs], after npm run build.
//
// A backend, a bare proxy of Node.js (request piped there, response piped back), and `serve --proxy`, each a process of its
// own. Latency: one push after the other, direct and through the proxy in turns. Throughput: 16 connections, bare proxy and
// ours in turns. Medians of all pairs.
import { fork, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { fileURLToPath } from 'node:url';

const self = fileURLToPath(import.meta.url);
const PUSH = JSON.stringify({
  clientId: 'a',
  mutations: [
    {
      clientId: 'a',
      mutationId: 'm',
      resource: 'task',
      version: 1,
      operation: 'insert',
      id: 'task:1',
      record: { title: 'a' },
    },
  ],
});
const PUSHES = 300;
const THROUGHPUT_MS = 1500;
const CONNECTIONS = 16;

const ROLES = {
  backend() {
    let seq = 0;
    return createServer((incoming, response) => {
      incoming.resume().on('end', () => {
        seq += 1;
        const result = {
          ok: true,
          applied: ['m'],
          errors: [],
          cursor: String(seq),
          cursorBefore: String(seq - 1),
        };
        const text = JSON.stringify({ ok: true, result });
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-length': text.length })
          .end(text);
      });
    });
  },
  bare(port) {
    const agent = new Agent({ keepAlive: true });
    return createServer((incoming, response) => {
      const { method, url: path, headers } = incoming;
      const outgoing = request({ host: '127.0.0.1', port, method, path, headers, agent }, (answer) => {
        response.writeHead(answer.statusCode, answer.rawHeaders);
        answer.pipe(response);
      });
      incoming.pipe(outgoing);
    });
  },
};

async function started(role, port) {
  const child = fork(self, [role, String(port ?? '')]);
  const [listening] = await new Promise((resolve) => child.once('message', (...message) => resolve(message)));
  return { child, port: listening };
}

async function serve(port) {
  const bin = fileURLToPath(new URL('../../bin/datafn-ws.js', import.meta.url));
  const flags = ['--port', '0', '--proxy', `http://127.0.0.1:${port}`, '--json', '--log-level', 'warn'];
  const child = spawn(process.execPath, [bin, 'serve', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise((resolve) => child.stdout.once('data', resolve));
  return { child, port: Number(new URL(JSON.parse(String(line)).apiUrl).port) };
}

function push(port, agent) {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': PUSH.length,
      authorization: 'Bearer user:alice',
    };
    request({ host: '127.0.0.1', port, method: 'POST', path: '/datafn/push', agent, headers }, (answer) => {
      answer
        .resume()
        .on('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(answer.statusCode))));
    })
      .on('error', reject)
      .end(PUSH);
  });
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function latency(port) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const took = [];
  for (let count = 0; count < PUSHES; count++) {
    const startMs = performance.now();
    await push(port, agent);
    took.push(performance.now() - startMs);
  }
  agent.destroy();
  return median(took);
}

/** CPU time that a process has used, in milliseconds (proc_pid_stat(5)). */
function cpuMs({ pid }) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function throughput({ port, child }) {
  const beforeMs = cpuMs(child);
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const endMs = performance.now() + THROUGHPUT_MS;
  let pushes = 0;
  const work = async () => {
    for (; performance.now() < endMs; pushes++) await push(port, agent);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  agent.destroy();
  return { rate: pushes / (THROUGHPUT_MS / 1000), pushes, cpuMs: cpuMs(child) - beforeMs };
}

async function measure(pairs) {
  const backend = await started('backend');
  const bare = await started('bare', backend.port);
  const ours = await serve(backend.port);
  const cpu = { bare: { pushes: 0, ms: 0 }, ours: { pushes: 0, ms: 0 } };
  const figures = { direct: [], proxied: [], overhead: [], bare: [], ours: [], ratio: [] };
  for (const { port } of [backend, bare, ours]) await latency(port);
  for (let pair = 0; pair < pairs; pair++) {
    const [direct, proxied] = [await latency(backend.port), await latency(ours.port)];
    figures.direct.push(direct);
    figures.proxied.push(proxied);
    figures.overhead.push(proxied - direct);
    const order = pair % 2 === 0 ? ['bare', 'ours'] : ['ours', 'bare'];
    const rates = {};
    for (const name of order) {
      const { rate, pushes, cpuMs } = await throughput({ bare, ours }[name]);
      rates[name] = rate;
      cpu[name].pushes += pushes;
      cpu[name].ms += cpuMs;
    }
    figures.bare.push(rates.bare);
    figures.ours.push(rates.ours);
    figures.ratio.push(rates.ours / rates.bare);
  }
  for (const { child } of [backend, bare, ours]) child.kill();
  const shown = (values, digits) =>
    `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;
  console.log(`p50 of a push, direct:        ${shown(figures.direct, 2)} ms`);
  console.log(`p50 of a push, through proxy: ${shown(figures.proxied, 2)} ms`);
  console.log(`overhead of the proxy, p50:   ${shown(figures.overhead, 2)} ms`);
  console.log(`throughput of a bare proxy:   ${shown(figures.bare, 0)} pushes/s`);
  console.log(`throughput of serve --proxy:  ${shown(figures.ours, 0)} pushes/s`);
  console.log(`serve --proxy ÷ bare proxy:   ${shown(figures.ratio, 2)}`);
  const perPush = ({ ms, pushes }) => Math.round((ms * 1000) / pushes);
  console.log(`CPU of a push, bare proxy:    ${perPush(cpu.bare)} µs`);
  console.log(`CPU of a push, serve --proxy: ${perPush(cpu.ours)} µs`);
}

const [role, port] = process.argv.slice(2);
if (process.send !== undefined && role in ROLES) {
  const server = ROLES[role](Number(port)).listen(0, '127.0.0.1', () => process.send(server.address().port));
  process.on('disconnect', () => process.exit());
} else await measure(Number(role ?? 9));

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { WebSocket } from 'ws';

const ROOT = join(import.meta.dirname, '../..');
const CLI = join(ROOT, 'bin/datafn-ws.js');
const folder = mkdtempSync(join(tmpdir(), 'datafn-ws-docs-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const write = (name, text) => writeFileSync(join(folder, name), text);
const read = (name) => readFileSync(join(folder, name), 'utf8');
const CUT = '[…]';

/** A command that runs, and what it has printed. */
class Cli {
  stdout = '';
  stderr = '';
  /** Both, in the order in which they came. */
  output = '';

  constructor(args, env = {}) {
    const clean = Object.entries(process.env).filter(
      ([name]) => !/^(DATAFN_WS_|GITHUB_|FORCE_COLOR)/.test(name),
    );
    this.process = spawn(process.execPath, [CLI, ...args], {
      cwd: folder,
      env: { ...Object.fromEntries(clean), NO_COLOR: '1', ...env },
    });
    process.once('exit', () => this.process.kill());
    this.ended = once(this.process, 'close').then(([code]) => code);
    for (const name of ['stdout', 'stderr'])
      this.process[name].on('data', (chunk) => {
        this[name] += chunk;
        this.output += chunk;
      });
  }

  /** Waits for a text, in what comes from now on if `since` says how much there was. */
  async until(pattern, name = 'output', since = 0) {
    for (const deadline = Date.now() + 60_000; !pattern.test(this[name].slice(since)); await sleep(20))
      if (Date.now() > deadline || this.process.exitCode !== null)
        throw new Error(`no ${pattern} in:\n${this.output}`);
  }

  async stop(signal = 'SIGINT') {
    this.process.kill(signal);
    return this.ended;
  }
}

/** A server on a free port, and what the docs show in its place: the default port. */
async function serve(args = [], port = 0) {
  const server = new Cli(['serve', '--port', String(port), ...args]);
  await server.until(/Ctrl-C to stop/);
  const [, wsUrl] = /(ws:\/\/\S+?)(\?|\s)/.exec(server.stdout);
  return Object.assign(server, { wsUrl, apiUrl: new URL(wsUrl.replace('ws:', 'http:')).origin });
}

/** An output with the default port in place of that of a run, and without the flags that say so. */
function shown(text, { wsUrl }) {
  const { port } = new URL(wsUrl);
  return text
    .replaceAll(`:${port}`, ':3001')
    .replaceAll(/ --url (ws|http):\/\/127\.0\.0\.1:3001(\/datafn\/ws)?/g, '')
    .trim();
}

const console_ = (...lines) => `\`\`\`console\n${lines.join('\n')}\n\`\`\``;

/** A client that says hello, once the server has logged it. */
async function client(server, token, clientId, { via } = {}) {
  const since = server.stderr.length;
  const url = `${server.wsUrl}${token === undefined ? '' : `?token=${token}`}`;
  const socket = new WebSocket(url, via);
  socket.on('error', () => {});
  socket.on('open', () => socket.send(JSON.stringify({ type: 'hello', clientId, cursor: '0' })));
  await server.until(token === undefined ? /refused/ : /says hello|refused/, 'stderr', since);
  return socket;
}

/** Runs a command against a server. Returns its command line and its output. */
async function session(server, args) {
  const url = args[0] === 'listen' ? server.wsUrl : server.apiUrl;
  const command = new Cli([...args, '--url', url]);
  await command.ended;
  return `$ npx datafn-ws ${args.join(' ')}\n${shown(command.output, server)}`;
}

const emit = (server, ...args) => session(server, ['emit', ...args]);

async function serveRun() {
  const server = await serve();
  const alice = await client(server, 'user:alice', 'tab-1');
  const bob = await client(server, 'user:bob', 'phone-7');
  await client(server, undefined, 'nobody');
  await emit(server, '42', '-n', 'user:alice');
  await emit(server, '43', '-n', 'user:alice', '-n', 'user:bob');
  bob.close(1000);
  await server.until(/user:bob closed/);
  alice.terminate();
  await server.until(/user:alice disconnected/);
  await server.stop();
  const json = new Cli(['serve', '--json', '--port', '0']);
  await json.until(/\n/);
  const { wsUrl } = JSON.parse(json.stdout);
  await json.stop();
  write('datafn-ws.yaml', 'port: 3001\nheartbeatInterval: 15s\nmaxConnectionsPerNamespace: 20\n');
  const flags = ['serve', '--config', 'datafn-ws.yaml', '--admin-token', 'a-token-of-the-docs', '--check'];
  const check = new Cli(flags, { DATAFN_WS_PATH: '/sync' });
  await check.ended;
  const rows = check.stdout.split('\n').filter((line) => /^(port|host|path|max|heart|admin)/.test(line));
  return {
    serve: console_('$ npx datafn-ws serve\n', `  ${shown(server.output, server)}`),
    'serve-json': `\`\`\`json\n${shown(json.stdout, { wsUrl }).replace(/"pid":\d+/, '"pid":4711')}\n\`\`\``,
    'serve-check': console_(
      '$ DATAFN_WS_PATH=/sync npx datafn-ws serve --config datafn-ws.yaml --admin-token "$TOKEN" --check',
      ...rows.slice(0, 8),
      CUT,
    ),
  };
}

async function clientsRun() {
  const server = await serve();
  await client(server, 'user:alice', 'tab-1');
  await client(server, 'user:bob', 'tab-1');
  const more = [await client(server, 'user:bob', 'tab-2')];
  const who = [await session(server, ['who']), await session(server, ['who', '-n', 'user:bob'])];
  for (const one of more) one.close();
  await server.until(/closed by the client/);
  write(
    'script.ndjson',
    '{"namespace":"user:alice","cursor":"51"}\n{"namespace":"user:alice","cursor":"52","delayMs":500}\n',
  );
  const emits = [
    await emit(server, '42', '-n', 'user:alice'),
    await emit(server, '43', '-n', 'user:alice', '-n', 'user:bob'),
    await emit(server, '--from', '44', '--to', '50', '--rate', '10/s', '-n', 'user:alice'),
    await emit(server, '--file', 'script.ndjson'),
  ];
  await server.stop();

  const first = await serve();
  const listen = new Cli(['listen', '-n', 'user:alice', '--url', first.wsUrl]);
  await listen.until(/connected to/);
  await emit(first, '42', '-n', 'user:alice');
  await emit(first, '41', '-n', 'user:alice');
  await first.stop('SIGTERM');
  await listen.until(/ECONNREFUSED/);
  const second = await serve([], new URL(first.wsUrl).port);
  await listen.until(/connected to[\s\S]*connected to/);
  await listen.stop();
  await second.stop();
  return {
    who: console_(...who),
    'who-short': console_(who[0]),
    emit: console_(...emits),
    'emit-short': console_(...emits.slice(0, 2)),
    listen: console_('$ npx datafn-ws listen -n user:alice', shown(listen.output, first), '^C'),
  };
}

async function authRun() {
  const tokens = '"pF5lZr2kQXm8sVtY0wJc": user:alice\n"Hn3GdW9xTbLe7uKo1yRa": user:bob\n';
  write('tokens.yaml', tokens);
  const withTokens = await serve(['--auth', 'tokens', '--tokens', 'tokens.yaml']);
  const alice = await client(withTokens, 'pF5lZr2kQXm8sVtY0wJc', 'tab-1');
  for (const [text, line] of [
    [`${tokens}short: user:carol\n`, /kept the old version/],
    [tokens, /reloaded the tokens/],
  ]) {
    write('tokens.yaml', text);
    withTokens.process.kill('SIGHUP');
    await withTokens.until(line);
  }
  const tokensLog = withTokens.stderr.trim();
  alice.terminate();
  await withTokens.stop();

  write('secret', 'a secret for the docs, of 32 bytes or more\n');
  const flags = [
    '--auth',
    'jwt',
    '--jwt-secret-file',
    'secret',
    '--jwt-namespace',
    'tenant:{tid}:user:{sub}',
  ];
  const withJwt = await serve(flags);
  for (const claims of [
    ['--claim', 'tid=acme', '--claim', 'sub=alice', '--expires-in', '5s'],
    ['--claim', 'tid=acme:user:bob', '--claim', 'sub=alice'],
    ['--claim', 'sub=alice'],
  ]) {
    const token = new Cli(['token', '--secret-file', 'secret', ...claims]);
    await token.ended;
    await client(withJwt, token.stdout.trim(), 'tab-1');
  }
  await withJwt.until(/Token expired/);
  const jwtLog = withJwt.stderr.trim();
  await withJwt.stop();
  return {
    'auth-tokens': console_('$ npx datafn-ws serve --auth tokens --tokens tokens.yaml', CUT, tokensLog),
    'auth-jwt': console_(
      '$ openssl rand -hex 32 > secret',
      "$ npx datafn-ws serve --auth jwt --jwt-secret-file secret --jwt-namespace 'tenant:{tid}:user:{sub}'",
      CUT,
      jwtLog,
    ),
  };
}

/** The sections of a report of bench whose first line is one of these, with a mark for those that are left out. */
function sections(report, names) {
  const parts = report.trim().split(/\n\n(?=\S)/);
  const kept = parts.map((part) => (names.some((name) => part.startsWith(name)) ? part : CUT));
  return kept.filter((part, index) => part !== CUT || kept[index - 1] !== CUT).join('\n\n');
}

async function benchRun() {
  const smoke = new Cli(['bench']);
  await smoke.ended;
  const report = `${smoke.stderr.trim()}\n\n${smoke.stdout.trim()}`;
  const capacity = new Cli(['bench', 'capacity']);
  await capacity.ended;
  const capacityReport = `${capacity.stderr.trim()}\n\n${capacity.stdout.trim()}`;
  const main = ['smoke', 'capacity', 'PASSED', 'FAILED', 'Expectations', 'Connections'];
  return {
    bench: console_('$ npx datafn-ws bench', report),
    'bench-short': console_('$ npx datafn-ws bench', sections(report, ['smoke', 'PASSED', 'FAILED'])),
    'bench-capacity': console_('$ npx datafn-ws bench capacity', sections(capacityReport, main)),
  };
}

async function clusterRun() {
  const cluster = new Cli(['bench', 'cluster', '--redis']);
  await cluster.ended;
  const report = `${cluster.stderr.trim()}\n\n${cluster.stdout.trim()}`;
  const main = ['cluster', 'PASSED', 'FAILED', 'Expectations'];
  return { 'bench-cluster': console_('$ npx datafn-ws bench cluster --redis', sections(report, main)) };
}

async function reportsRun() {
  const wrong = ['bench', 'smoke', '--set', 'expect[2]=hot.accepted == 51', '--json', 'wrong.json'];
  const bench = new Cli([...wrong, '--junit', 'wrong.xml', '--progress'], {
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: ROOT,
  });
  await bench.ended;
  const result = JSON.parse(read('wrong.json')).results[0];
  const excerpt = {
    verdict: result.verdict,
    expectations: result.expectations.filter(({ passed }) => !passed),
    total: {
      metrics: result.total.metrics.filter(
        ({ name, cohort }) => name === 'fanout.p99' && cohort === undefined,
      ),
    },
  };
  const [testcase = ''] = /<testcase [^>]*>\s*<failure[\s\S]*?<\/testcase>/.exec(read('wrong.xml')) ?? [];
  const [annotation = ''] = /^::error.*$/m.exec(bench.stdout) ?? [];
  // Each drawing goes back to the top of the one before.
  const frames = bench.stderr
    .split('\r\u001b[')
    .map((drawing) => stripVTControlCharacters(drawing.replace(/^\d+A/, '')))
    .filter((drawing) => /^5\/8 emit[\s\S]*█/.test(drawing) && /fan-out p99 \d/.test(drawing));
  const frame = frames[Math.floor(frames.length * 0.7)] ?? '';
  return {
    'report-json': `\`\`\`json\n${JSON.stringify(excerpt, undefined, 2)}\n\`\`\``,
    'report-junit': `\`\`\`xml\n${testcase.replaceAll(`${ROOT}/`, '')}\n\`\`\``,
    'report-annotation': `\`\`\`\n${annotation}\n\`\`\``,
    'bench-live': `\`\`\`\n${frame.replaceAll('\r', '').trimEnd()}\n\`\`\``,
  };
}

async function compareRun() {
  const repeat = new Cli(['bench', 'smoke', '--repeat', '3', '--json', 'main.json']);
  await repeat.ended;
  const [runs = ''] = /^Runs\n(?: .*\n)+/m.exec(repeat.stdout) ?? [];
  const server = await serve([
    ...['--max-connections', '1200', '--max-connections-per-namespace', '50', '--log-level', 'silent'],
    ...['--heartbeat-interval', '1s', '--heartbeat-timeout', '0'],
  ]);
  const urls = ['--url', server.wsUrl, '--admin-url', server.apiUrl];
  await new Cli(['bench', 'smoke', '--json', 'branch.json', ...urls]).ended;
  await server.stop();
  const compare = new Cli(['compare', 'main.json', 'branch.json']);
  const code = await compare.ended;
  return {
    repeat: `\`\`\`\n${runs.trimEnd()}\n\`\`\``,
    compare: console_(
      '$ npx datafn-ws bench smoke --repeat 3 --json main.json',
      '$ npx datafn-ws bench smoke --url ws://127.0.0.1:3001/datafn/ws --json branch.json',
      '$ npx datafn-ws compare main.json branch.json',
      compare.output.trim(),
      '$ echo $?',
      code,
    ),
  };
}

async function verifyRun() {
  const verify = new Cli(['verify']);
  await verify.ended;
  const [head = ''] = verify.stdout.split('\n\n');
  const [limits = ''] = /^Limits\n(?: .*\n)+/m.exec(verify.stdout) ?? [];
  const last = verify.stdout.trimEnd().split('\n').at(-1);
  const server = await serve(['--refuse-with', 'http', '--log-level', 'silent']);
  const failing = new Cli(['verify', server.wsUrl, '--only', 'auth', '--strict']);
  const code = await failing.ended;
  await server.stop();
  return {
    verify: console_('$ npx datafn-ws verify', head.trim(), '', CUT, '', limits.trimEnd(), '', CUT, '', last),
    'verify-failed': console_(
      '$ npx datafn-ws verify ws://127.0.0.1:3001/datafn/ws --only auth --strict',
      failing.stdout.trim().replaceAll(new URL(server.wsUrl).host, '127.0.0.1:3001'),
      '$ echo $?',
      code,
    ),
  };
}

/** Which parts of the docs each run makes. */
export const RUNS = [
  [['serve', 'serve-json', 'serve-check'], serveRun],
  [['emit', 'emit-short', 'listen', 'who', 'who-short'], clientsRun],
  [['auth-tokens', 'auth-jwt'], authRun],
  [['bench', 'bench-short', 'bench-capacity'], benchRun],
  [['bench-cluster'], clusterRun],
  [['report-json', 'report-junit', 'report-annotation', 'bench-live'], reportsRun],
  [['repeat', 'compare'], compareRun],
  [['verify', 'verify-failed'], verifyRun],
];

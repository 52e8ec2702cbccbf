import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, test } from 'vitest';
import { eventually } from '../backplane/recorded-node.js';
import { disposeProcesses, runCli, startServe } from '../support/cli-process.js';
import { call } from '../support/http-call.js';
import { freePort } from '../support/proxies.js';
import { disposeRedis, hasRedis, startRedis } from '../support/redis-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const PROMETHEUS = '/usr/bin/prometheus';
const OPS = join(import.meta.dirname, '../../ops');
const files = temporaryFolder('prometheus');
let prometheus: ChildProcess | undefined;

afterEach(async () => {
  if (prometheus?.exitCode === null) {
    const ended = once(prometheus, 'exit');
    prometheus.kill('SIGKILL');
    await ended;
  }
  await disposeProcesses();
  await disposeRedis();
});

if (process.env.CI === 'true' && !existsSync(PROMETHEUS))
  throw new Error('CI has no prometheus: .ci/run installs it');

const ADMIN_TOKEN = 'admin-token-of-the-test';

/** Every query of the dashboard, with its variables filled in. */
function dashboardQueries(): { title: string; query: string }[] {
  const { panels, annotations } = JSON.parse(readFileSync(join(OPS, 'grafana/datafn-ws.json'), 'utf8'));
  expect(annotations.list).toHaveLength(1);
  return panels.flatMap(({ title, targets = [] }: { title: string; targets?: { expr: string }[] }) =>
    targets.map(({ expr }) => ({
      title,
      query: expr
        .replaceAll('$__rate_interval', '30s')
        .replaceAll('$job', '.*')
        .replaceAll('$instance', '.*'),
    })),
  );
}

(existsSync(PROMETHEUS) && hasRedis ? test : it.skip)(
  'a real Prometheus scrapes a server under bench, and every query of the dashboard has data then',
  async () => {
    const redis = await startRedis();
    const serve = await startServe(
      [
        ['--cluster', redis.url],
        ['--metrics-listen', '127.0.0.1:0'],
        ['--admin-token-file', files.file('admin-token', `${ADMIN_TOKEN}\n`)],
        ['--heartbeat-interval', '500ms'],
        ['--log-level', 'warn'],
        ['--resume'],
      ].flat(),
    );
    const { metricsUrl = '' } = serve.listening;
    const port = await freePort();
    const config = files.file(
      'prometheus.yaml',
      JSON.stringify({
        global: { scrape_interval: '1s', evaluation_interval: '1s' },
        rule_files: [join(OPS, 'prometheus/datafn-ws.rules.yaml')],
        scrape_configs: [
          {
            job_name: 'datafn-ws',
            authorization: { credentials_file: files.path('admin-token') },
            static_configs: [{ targets: [new URL(metricsUrl).host] }],
          },
        ],
      }),
    );
    prometheus = spawn(
      PROMETHEUS,
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${files.path('data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
    const api = (path: string) => call('GET', `http://127.0.0.1:${port}/api/v1/${path}`);
    const ask = async (
      query: string,
    ): Promise<{ metric: Record<string, string>; value: [number, string] }[]> => {
      const { json } = await api(`query?query=${encodeURIComponent(query)}`);
      expect(json.status, query).toBe('success');
      return json.data.result;
    };
    await eventually(async () => {
      const { json } = await api('targets').catch(() => ({ json: undefined }));
      return json?.data.activeTargets[0]?.health === 'up';
    }, 'Prometheus scrapes the server');

    const scenario = files.file(
      'load.yaml',
      `version: 1
name: load
cohorts:
  steady: { clients: 200, namespaces: "user:{1..20}" }
phases:
  - connect: { cohort: steady, rate: 200/s }
  - emit: { namespaces: all, rate: 50/s, for: 8s }
expect:
  - steady.accepted == 200
  - cursors.lost == 0
`,
    );
    const bench = await runCli(
      [
        'bench',
        scenario,
        '--url',
        serve.wsUrl,
        '--admin-token',
        ADMIN_TOKEN,
        '--namespace-prefix',
        'none',
        '--no-progress',
      ],
      { withinMs: 100_000 },
    );
    // 5: the machine was busy. What counts here is that there was load.
    expect([0, 5], bench.stdout + bench.stderr).toContain(bench.code);

    const queries = dashboardQueries();
    expect(queries.length).toBeGreaterThan(50);
    const empty: string[] = [];
    for (const { title, query } of queries) {
      const result = await ask(query);
      if (!result.some(({ value: [, value] }) => Number.isFinite(Number(value))))
        empty.push(`${title}: ${query}`);
    }
    expect(empty).toEqual([]);

    const [deliveries] = await ask('max_over_time(datafn_ws_deliveries_total[1m])');
    expect(Number(deliveries?.value[1])).toBeGreaterThan(100);
    const [pongs] = await ask('datafn_ws_pong_duration_seconds_count');
    expect(Number(pongs?.value[1])).toBeGreaterThan(10);
    const { json } = await api('rules');
    const rules: { name: string; health: string; lastError?: string }[] = json.data.groups[0].rules;
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  },
);

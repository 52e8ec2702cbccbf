import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { serveOptions } from '../../src/options/serve-flags.js';
import { flagOf } from '../../src/options/spec.js';
import { PROCESS_METRICS, SERVER_METRICS } from '../../src/server/metrics/metrics.js';
import { TIMINGS } from '../../src/server/metrics/timings.js';
import { parseDuration } from '../../src/text/units.js';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** Every series that a server can have. */
const SERIES = new Set([
  'up',
  ...Object.keys(PROCESS_METRICS),
  ...Object.keys(SERVER_METRICS).map((name) => `datafn_ws_${name}`),
  ...Object.keys(TIMINGS).flatMap((name) =>
    ['bucket', 'sum', 'count'].map((end) => `datafn_ws_${name}_${end}`),
  ),
]);
const namesIn = (query: string) => query.match(/\b(?:datafn_ws|process|nodejs)_\w+/g) ?? [];

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
const alerts: readonly Alert[] = parse(read('ops/prometheus/datafn-ws.rules.yaml')).groups[0].rules;

describe('the alerts', () => {
  const operations = read('docs/operations.md');

  test.each(alerts)('$alert waits, has a severity and a summary, and links to what to do', (alert) => {
    expect(alert.for).toMatch(/^[1-9]\d*m$/);
    expect(['critical', 'warning']).toContain(alert.labels.severity);
    expect(alert.annotations.summary).toMatch(/\S/);
    const link = `https://github.com/datafn-ws/datafn-ws/blob/main/docs/operations.md#${alert.alert.toLowerCase()}`;
    expect(alert.annotations.runbook_url).toBe(link);
    expect(operations).toMatch(new RegExp(`^#### ${alert.alert}\\n\\n\\S`, 'm'));
    expect(namesIn(alert.expr).filter((name) => !SERIES.has(name))).toEqual([]);
  });

  test('each has a unit test, and docs/operations.md has no other', () => {
    const tested = [...read('ops/prometheus/datafn-ws.rules.test.yaml').matchAll(/^ {4}name: (\w+)$/gm)];
    const documented = [...operations.matchAll(/^#### (\w+)$/gm)];
    const names = alerts.map(({ alert }) => alert);
    expect(tested.map(([, name]) => name)).toEqual(names);
    expect(documented.map(([, name]) => name)).toEqual(names);
  });
});

describe('the dashboard', () => {
  interface Panel {
    readonly type: string;
    readonly title: string;
    readonly id: number;
    readonly description?: string;
    readonly targets?: readonly { readonly expr: string }[];
  }
  const panels: readonly Panel[] = JSON.parse(read('ops/grafana/datafn-ws.json')).panels;

  test('has its eight rows', () => {
    expect(panels.filter(({ type }) => type === 'row').map(({ title }) => title)).toEqual([
      'Overview',
      'Admission',
      'Closes by code',
      'Delivery',
      'Slow clients',
      'Process',
      'API',
      'Cluster',
    ]);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  test('says what each panel shows, and asks for no series that does not exist', () => {
    for (const { title, description, targets } of panels.filter(({ type }) => type !== 'row')) {
      expect(description, title).toMatch(/\S/);
      expect(targets?.length, title).toBeGreaterThan(0);
      for (const { expr } of targets ?? [])
        expect(
          namesIn(expr).filter((name) => !SERIES.has(name)),
          title,
        ).toEqual([]);
    }
  });

  test('shows every metric', () => {
    const shown = new Set(
      panels
        .flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => namesIn(expr)))
        .map((name) => name.replace(/_(?:bucket|count)$/, '')),
    );
    const all = new Set([...SERIES].map((name) => name.replace(/_(?:bucket|count|sum)$/, '')));
    all.delete('up');
    expect([...all].filter((name) => !shown.has(name))).toEqual([]);
  });
});

/** The flags of `serve` in a list of arguments. */
function flagsOf(words: readonly string[]): Record<string, string> {
  const flags: Record<string, string> = {};
  for (const [index, word] of words.entries()) {
    const [, name, value] = /^--([\w-]+)(?:=(.*))?$/.exec(word) ?? [];
    if (name !== undefined) flags[name] = value ?? words[index + 1] ?? '';
  }
  return flags;
}

interface Manifest {
  readonly kind: string;
  // biome-ignore lint/suspicious/noExplicitAny: only what is tested is looked at
  readonly [key: string]: any;
}

describe('the ways to run it', () => {
  const manifests = parseAllDocuments(read('ops/kubernetes/datafn-ws.yaml')).map(
    (document) => document.toJS() as Manifest,
  );
  const pod = manifests.find(({ kind }) => kind === 'Deployment')?.spec.template.spec;
  const [container] = pod.containers;
  const unit = read('ops/systemd/datafn-ws.service');
  const [, start = ''] = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(unit) ?? [];
  const dockerfile = read('ops/docker/Dockerfile');
  const [, command = '[]'] = /^CMD (\[[^\]]*\])/m.exec(dockerfile) ?? [];
  const ways = [
    {
      name: 'systemd',
      flags: flagsOf(start.replaceAll('\\\n', ' ').split(/\s+/)),
      graceS: Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]),
    },
    {
      name: 'docker',
      flags: flagsOf(JSON.parse(command.replaceAll('\\\n', ' '))),
      graceS: Number(/--stop-timeout (\d+)/.exec(dockerfile)?.[1]),
    },
    { name: 'kubernetes', flags: flagsOf(container.args), graceS: pod.terminationGracePeriodSeconds },
  ];

  test.each(ways)('$name has flags that exist, and no secret among them', ({ flags }) => {
    const known = Object.keys(serveOptions).map(flagOf);
    expect(Object.keys(flags).filter((flag) => !known.includes(flag))).toEqual([]);
    expect(flags).toHaveProperty('admin-token-file');
    for (const [key, { isSecret }] of Object.entries(serveOptions))
      if (isSecret) expect(flags).not.toHaveProperty([flagOf(key)]);
  });

  test.each(ways)('$name gives the server longer to stop than it takes', ({ flags, graceS }) => {
    const seconds = (flag: string) => {
      const parsed = parseDuration(flags[flag] ?? '');
      return parsed.ok ? parsed.value / 1000 : Number.NaN;
    };
    expect(graceS).toBeGreaterThan(seconds('drain') + seconds('shutdown-timeout'));
    expect(seconds('drain')).toBeGreaterThan(0);
  });

  test('kubernetes and docker probe the right paths on ports that the server has', () => {
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
    expect(container.ports).toEqual([
      { name: 'http', containerPort: Number(ways[2]?.flags.port) },
      { name: 'metrics', containerPort: Number(ways[2]?.flags['metrics-listen']?.split(':')[1]) },
    ]);
    expect(dockerfile).toContain(`http://127.0.0.1:${serveOptions.port.default}/healthz`);
  });

  test('the secrets are files of a mounted secret, or a variable from one', () => {
    const [mount] = container.volumeMounts;
    const [volume] = pod.volumes;
    expect(volume.name).toBe(mount.name);
    for (const flag of ['admin-token-file', 'tokens']) {
      const path = ways[2]?.flags[flag]?.replace(`${mount.mountPath}/`, '');
      expect(volume.secret.items.map((item: { path: string }) => item.path)).toContain(path);
    }
    for (const { value } of container.env) expect(value).toBeUndefined();
  });

  test('the services and the budget select the pods', () => {
    const labels = manifests.find(({ kind }) => kind === 'Deployment')?.spec.template.metadata.labels;
    const selectors = manifests.map(({ spec }) => spec.selector.matchLabels ?? spec.selector);
    expect(selectors).toEqual([labels, labels, labels]);
  });

  test('systemd allows more descriptors than clients', () => {
    expect(Number(/^LimitNOFILE=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(
      serveOptions.maxConnections.default,
    );
  });
});

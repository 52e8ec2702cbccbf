import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, test } from 'vitest';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { openClient } from '../support/live-server.js';
import { metricsOf } from '../support/metrics.js';

// What Debian has to check the files of ops/. In CI, .ci/run installs it all.
const OPS = join(import.meta.dirname, '../../ops');
const PYTHON = '/usr/bin/python3';
const has = {
  promtool: existsSync('/usr/bin/promtool'),
  systemd: existsSync('/usr/bin/systemd-analyze'),
  kubernetes: spawnSync(PYTHON, ['-c', 'import kubernetes, yaml']).status === 0,
};
if (process.env.CI === 'true' && !Object.values(has).every(Boolean))
  throw new Error(`CI lacks a tool that .ci/run installs: ${JSON.stringify(has)}`);
const withTool = (tool: keyof typeof has) => (has[tool] ? test : it.skip);

function run(command: string, args: readonly string[], input?: string) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: OPS, encoding: 'utf8', input });
  return { status, output: `${stdout}${stderr}` };
}

afterEach(disposeProcesses);

describe('promtool', () => {
  withTool('promtool')(
    'accepts the metrics of a server, of one with workers too, without a remark',
    async () => {
      for (const flags of [[], ['--workers', '2']]) {
        const serve = await startServe([...flags, '--heartbeat-interval', '100ms']);
        const client = await openClient(serve.wsUrl, 'user:alice');
        const { text, of } = await metricsOf(`${serve.apiUrl}/metrics`);
        expect(of('connections')).toBe(1);
        expect(run('promtool', ['check', 'metrics'], text)).toEqual({ status: 0, output: '' });
        await client.destroy();
      }
    },
  );

  withTool('promtool')('accepts the alerts and the example of a configuration', () => {
    expect(run('promtool', ['check', 'rules', 'prometheus/datafn-ws.rules.yaml']).status).toBe(0);
    expect(run('promtool', ['check', 'config', 'prometheus/prometheus.yaml']).status).toBe(0);
  });

  withTool('promtool')('finds that each alert fires when it should, and not before', () => {
    const { status, output } = run('promtool', ['test', 'rules', 'prometheus/datafn-ws.rules.test.yaml']);
    expect([status, output]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });
});

withTool('systemd')('systemd accepts the unit without a remark', () => {
  expect(run('systemd-analyze', ['verify', 'systemd/datafn-ws.service'])).toEqual({ status: 0, output: '' });
});

/** Reads manifests into the models of the API, and prints what those do not know: a field with a typo is dropped. */
const CHECK_MANIFESTS = `
import json, sys, yaml
from kubernetes import client
api = client.ApiClient()
class Response:
    def __init__(self, value): self.data = json.dumps(value)
models = {'apps/v1 Deployment': 'V1Deployment', 'v1 Service': 'V1Service', 'policy/v1 PodDisruptionBudget': 'V1PodDisruptionBudget'}
for document in yaml.safe_load_all(sys.stdin if sys.argv[1] == '-' else open(sys.argv[1])):
    model = models[document['apiVersion'] + ' ' + document['kind']]
    known = api.sanitize_for_serialization(api.deserialize(Response(document), model))
    def compare(path, given, kept):
        if isinstance(given, dict):
            for key, value in given.items():
                if kept is None or key not in kept: print(f'{path}.{key}: unknown')
                else: compare(f'{path}.{key}', value, kept[key])
        elif isinstance(given, list):
            for index, value in enumerate(given): compare(f'{path}[{index}]', value, kept[index])
        elif given != kept: print(f'{path}: {given!r} became {kept!r}')
    compare(document['kind'], document, known)
`;

describe('kubernetes', () => {
  withTool('kubernetes')('knows every field of the manifests', () => {
    expect(run(PYTHON, ['-c', CHECK_MANIFESTS, 'kubernetes/datafn-ws.yaml'])).toEqual({
      status: 0,
      output: '',
    });
  });

  withTool('kubernetes')('would find a field with a typo', () => {
    const typo =
      'apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { ports: [{ port: 1, tragetPort: 2 }] }\n';
    const { output } = run(PYTHON, ['-c', CHECK_MANIFESTS, '-'], typo);
    expect(output).toBe('Service.spec.ports[0].tragetPort: unknown\n');
  });
});

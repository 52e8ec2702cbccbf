import { randomUUID } from 'node:crypto';
import { type Backend, resultOf } from '../target/backend.js';
import { call, type HttpAnswer } from '../target/http-call.js';
import type { Tenant } from '../target/tenants.js';
import type { Trial } from '../trial/trial.js';
import { type Clause, DATAFN, OBSERVED } from './clause.js';

/** The DataFn routes; skips the clause where the server has none. */
function backendOf(trial: Trial): Backend {
  return (
    trial.target.backend ??
    trial.skip('the DataFn HTTP routes of the server are not known', '--trigger push or --remote URL')
  );
}

function answerWords({ status, text }: HttpAnswer): string {
  return `${status} ${text.slice(0, 400)}`;
}

/** Calls a route that has to succeed; both the envelope and the result have to be ok. */
async function succeeds(
  trial: Trial,
  route: string,
  tenant: Tenant,
  body: unknown,
): Promise<Readonly<Record<string, unknown>>> {
  const backend = backendOf(trial);
  trial.did(`POST ${backend.url(route)} ${JSON.stringify(body)}`);
  const answer = await backend.post(route, tenant, body);
  const result = resultOf(answer);
  const { ok } = (answer.json ?? {}) as { ok?: unknown };
  if (answer.status !== 200 || ok !== true || result?.ok !== true)
    return trial.fail('200 with "ok": true in the envelope and in its result', answerWords(answer));
  return result;
}

/** Pushes a new row. */
async function pushes(trial: Trial, tenant: Tenant) {
  const mutation = backendOf(trial).mutation();
  const body = { clientId: mutation.clientId, mutations: [mutation] };
  return { mutation, body, result: await succeeds(trial, 'push', tenant, body) };
}

const DIGITS = /^\d+$/;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The routes that DataFn clients call. */
export const HTTP: readonly Clause[] = [
  {
    id: 'http/1',
    level: 'MUST',
    sentence: 'A clone has data and a cursor, a string of digits, for every table that was asked for.',
    source: DATAFN,
    async check(trial) {
      const tables = [backendOf(trial).resource, 'kv'];
      const body = { clientId: `verify-${randomUUID()}`, tables, includeJoins: true };
      const result = await succeeds(trial, 'clone', trial.tenant(), body);
      for (const name of tables) {
        const [rows, cursor] = [result.data, result.cursors].map((one) => isObject(one) && one[name]);
        if (!Array.isArray(rows)) trial.fail(`data.${name} to be an array`, JSON.stringify(result.data));
        if (typeof cursor !== 'string' || !DIGITS.test(cursor))
          trial.fail(`cursors.${name} to be a string of digits`, JSON.stringify(result.cursors));
      }
    },
  },
  {
    id: 'http/2',
    level: 'MUST',
    sentence:
      'A pull returns the objects `records`, `deleted` and `cursors`, and in these no cursor lower than it was sent.',
    source: DATAFN,
    async check(trial) {
      const cursors = { [backendOf(trial).resource]: '0', kv: '7' };
      const body = { clientId: `verify-${randomUUID()}`, cursors, limit: 200, includeJoins: true };
      const result = await succeeds(trial, 'pull', trial.tenant(), body);
      for (const name of ['records', 'deleted', 'cursors'])
        if (!isObject(result[name])) trial.fail(`${name} to be an object`, JSON.stringify(result[name]));
      for (const [name, asked] of Object.entries(cursors)) {
        const cursor = (result.cursors as Record<string, unknown>)[name];
        if (typeof cursor !== 'string' || !DIGITS.test(cursor) || Number(cursor) < Number(asked))
          trial.fail(`cursors.${name} to be at least "${asked}"`, JSON.stringify(result.cursors));
      }
    },
  },
  {
    id: 'http/3',
    level: 'MUST',
    sentence: 'A push lists its mutation as applied, and has a cursor that is a string of digits.',
    source: DATAFN,
    async check(trial) {
      const { mutation, result } = await pushes(trial, trial.tenant());
      if (!Array.isArray(result.applied) || !result.applied.includes(mutation.mutationId))
        trial.fail(`applied to have ${mutation.mutationId}`, JSON.stringify(result));
      if (typeof result.cursor !== 'string' || !DIGITS.test(result.cursor))
        trial.fail('cursor to be a string of digits', JSON.stringify(result));
    },
  },
  {
    id: 'http/4',
    level: 'MUST',
    sentence: 'A pull after a push has the row that was pushed.',
    source: DATAFN,
    async check(trial) {
      const tenant = trial.tenant();
      const { mutation } = await pushes(trial, tenant);
      const { resource } = mutation;
      let cursors: Record<string, unknown> = { [resource]: '0' };
      for (let round = 0; round < 50; round++) {
        const body = { clientId: `verify-${randomUUID()}`, cursors, limit: 1000, includeJoins: true };
        const result = await succeeds(trial, 'pull', tenant, body);
        const rows = isObject(result.records) ? result.records[resource] : undefined;
        if (Array.isArray(rows) && rows.some((row) => isObject(row) && row.id === mutation.id)) return;
        if (result.hasMore !== true) break;
        cursors = result.cursors as Record<string, unknown>;
      }
      trial.fail(`records.${resource} to have ${mutation.id}`, 'pulls without it');
    },
  },
  {
    id: 'http/5',
    level: 'MUST',
    sentence:
      'A push that is repeated is applied once: it is listed as applied again, and its cursor does not rise.',
    source: DATAFN,
    async check(trial) {
      const tenant = trial.tenant();
      const { mutation, body, result: first } = await pushes(trial, tenant);
      const again = await succeeds(trial, 'push', tenant, body);
      if (!Array.isArray(again.applied) || !again.applied.includes(mutation.mutationId))
        trial.fail(`applied to have ${mutation.mutationId} again`, JSON.stringify(again));
      if (trial.target.tenants.areOwn && Number(again.cursor) > Number(first.cursor))
        trial.fail(`the cursor ${first.cursor}`, `${again.cursor}`);
    },
  },
  {
    id: 'http/6',
    level: 'MUST',
    sentence: 'A push with a bad token is refused with 401 or 403.',
    source: DATAFN,
    async check(trial) {
      const backend = backendOf(trial);
      const mutation = backend.mutation();
      const body = { clientId: mutation.clientId, mutations: [mutation] };
      trial.did('pushed with a bad token');
      const answer = await backend.post('push', { token: 'not-a-valid-token'.padEnd(300, '.') }, body);
      if (answer.status !== 401 && answer.status !== 403) trial.fail('401 or 403', answerWords(answer));
    },
  },
  {
    id: 'http/7',
    level: 'SHOULD',
    sentence: 'An OPTIONS request to a route (the CORS preflight of a browser) is answered with 200 or 204.',
    source: OBSERVED,
    async check(trial) {
      const { options } = backendOf(trial);
      const url = backendOf(trial).url('push');
      trial.did(`OPTIONS ${url}`);
      const headers = {
        origin: new URL(url).origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      };
      const answer = await call({ method: 'OPTIONS', url, headers, tls: options.tls });
      if (answer.status !== 200 && answer.status !== 204) trial.fail('200 or 204', answerWords(answer));
    },
  },
];

import type { Instance, Options, Result } from 'autocannon';
import { DatafnWsError } from '../../protocol/errors.js';
import { cursorText, type EmissionPlan, namespaceAt } from '../measure/emission-plan.js';
import type { ApiMeasurement, EmitMeasurement } from '../measure/measurements.js';
import type { EmitPhase } from '../scenario/model.js';
import type { Emitted } from './emitter.js';

/** Cursors set aside for one phase: more than autocannon can send. */
const RESERVED_CURSORS = 100_000_000;

/**
 * The plan of a phase that autocannon drives: its connections race, so neither order nor time of a cursor is known.
 */
export function racingPlan(phase: EmitPhase, id: number, firstCursor: number, startMs: number): EmissionPlan {
  return {
    id,
    firstCursor,
    count: RESERVED_CURSORS,
    namespaces: phase.namespaces,
    batch: phase.batch,
    startMs,
    intervalMs: 0,
    isOrdered: false,
    cursorLength: phase.cursorLength,
  };
}

/** Carries out a plan by driving `POST /v1/cursors` with autocannon. */
export async function driveWithAutocannon(
  phase: EmitPhase,
  plan: EmissionPlan,
  namespaces: readonly string[],
  target: { readonly url: string; readonly adminToken: string | undefined },
  measurements: { readonly emit: EmitMeasurement; readonly api: ApiMeasurement },
  signal: AbortSignal,
): Promise<Emitted> {
  // It takes a good part of the start of `bench`, and few phases want it.
  const { default: autocannon } = await import('autocannon');
  const { emit, api } = measurements;
  const taken = new Set<number>();
  let next = 0;
  const options: Options = {
    url: `${target.url.replace(/\/+$/, '')}/v1/cursors`,
    method: 'POST',
    connections: phase.connections,
    duration: phase.durationMs / 1000,
    headers: {
      'content-type': 'application/json',
      ...(target.adminToken === undefined ? {} : { authorization: `Bearer ${target.adminToken}` }),
    },
    // Its correction of latencies is off by orders of magnitude at low rates, and an error without a rate.
    ...(phase.ratePerSecond === undefined
      ? {}
      : { overallRate: phase.ratePerSecond / phase.batch, ignoreCoordinatedOmission: true }),
    requests: [
      {
        setupRequest: (request) => {
          const first = next;
          next += plan.batch;
          const namespace = namespaces[namespaceAt(plan, first)] as string;
          const items = Array.from({ length: plan.batch }, (_, index) => ({
            namespace,
            cursor: cursorText(plan, first + index),
          }));
          return { ...request, body: JSON.stringify(items) };
        },
        onResponse: (status, body) => {
          if (status < 200 || status > 299) return;
          for (const { cursor, delivered } of (
            JSON.parse(body) as { results: { cursor: string; delivered: number }[] }
          ).results) {
            taken.add(Number(cursor) - plan.firstCursor);
            emit.broadcasts += 1;
            emit.delivered += delivered;
          }
        },
      },
    ],
  };
  let run!: Instance;
  const finished = new Promise<Result>((resolve, reject) => {
    run = autocannon(options, (error, result) => (error ? reject(error) : resolve(result)));
  });
  run.on('response', (_client, status, _bytes, milliseconds) => {
    api.requests += 1;
    if (status < 200 || status > 299) api.failed += 1;
    api.latency.record(milliseconds);
  });
  run.on('reqError', () => {
    api.failed += 1;
  });
  const stop = () => run.stop();
  signal.addEventListener('abort', stop, { once: true });
  const result = await finished;
  signal.removeEventListener('abort', stop);
  api.durationMs += result.duration * 1000;
  const failed = Array.from({ length: next }, (_, index) => index).filter((index) => !taken.has(index));
  // It exits as if all were well when every request has failed.
  const error =
    taken.size > 0
      ? undefined
      : new DatafnWsError(
          'ERR_UNREACHABLE',
          `No request to ${options.url} succeeded (${result.errors} errors, ${result.non2xx} other than 2xx)`,
        );
  return { emitted: next, failed, error };
}

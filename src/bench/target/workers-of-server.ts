import { z } from 'zod';
import type { ApiClient } from '../../emit/api-client.js';

export interface WorkerOfServer {
  /** Counts from 1. A worker that takes the place of another has its number. */
  readonly number: number;
  readonly pid: number;
}

const clusterAnswer = z.object({ nodes: z.array(z.object({ id: z.string() })) });

/** The workers of a server, by its `GET /v1/cluster`; empty for a server without. */
export async function readWorkers(api: Pick<ApiClient, 'get'>): Promise<WorkerOfServer[]> {
  const { data } = clusterAnswer.safeParse(await api.get('/v1/cluster'));
  return (data?.nodes ?? []).flatMap(({ id }) => {
    const [, number, pid] = /^worker-(\d+)-(\d+)$/.exec(id) ?? [];
    return pid === undefined ? [] : [{ number: Number(number), pid: Number(pid) }];
  });
}

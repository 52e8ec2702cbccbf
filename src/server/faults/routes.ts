import type { IncomingMessage, ServerResponse } from 'node:http';
import { FAULT_PRESETS } from '../../options/fault-presets.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { ProblemError } from '../http/problem.js';
import { type Routes, sendJson } from '../http/router.js';
import type { Faults } from './faults.js';
import type { FaultSwitch } from './switch.js';

const FIX =
  'Send {"rules":[{"match":{"namespace":"user:alice"},"fault":"drop","next":1}]} or {"preset":"flaky-train"}; GET /v1/faults lists all faults.';

/** Reads the body of a request as a list of items. */
type ReadItems = (request: IncomingMessage, response: ServerResponse) => Promise<unknown[] | undefined>;

/**
 * The routes of `/v1/faults`.
 *
 * @param faults `undefined` where faults are not enabled.
 */
export function faultRoutes(faults: FaultSwitch | undefined, read: ReadItems): Routes {
  const load = async () => {
    if (faults === undefined) {
      throw new ProblemError(404, 'Faults are not enabled on this server', {
        fix: 'Start it with --enable-faults, or with --auth dev, and without --workers.',
      });
    }
    const loaded = await faults.load();
    if (loaded === undefined) throw new ProblemError(503, 'The server is shutting down');
    return loaded;
  };
  return {
    '/v1/faults': {
      async GET(_, response) {
        await answer(response, await load());
      },
      async PUT(request, response) {
        const loaded = await load();
        const body = await read(request, response);
        if (body?.length !== 1)
          throw new ProblemError(400, 'Expected the body to be one object', { field: 'body', fix: FIX });
        set(loaded, body[0]);
        await answer(response, loaded);
      },
      async DELETE(_, response) {
        const loaded = await load();
        loaded.clear();
        await answer(response, loaded);
      },
    },
  };
}

function set(faults: Faults, plan: unknown): void {
  try {
    faults.set(plan);
  } catch (error) {
    if (!(error instanceof DatafnWsError)) throw error;
    const { field = 'body' } = (error.cause ?? {}) as { field?: string };
    throw new ProblemError(400, error.message, { field: field === '' ? 'body' : field, fix: FIX });
  }
}

async function answer(response: ServerResponse, faults: Faults): Promise<void> {
  const { faultCatalog } = await import('./catalog.js');
  sendJson(response, 200, { ...faults.view(), faults: faultCatalog(), presets: FAULT_PRESETS });
}

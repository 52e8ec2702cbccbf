import type { RequestListener } from 'node:http';
import { pathOf } from '../http/request-target.js';
import { type BackendRouteParts, backendRoutes } from './http-routes.js';
import { MemoryBackend } from './memory-backend.js';
import { DEMO_PATHS } from './route-table.js';
import { Store } from './store.js';
import { type TellCursor, WakeUps } from './wake-ups.js';

export interface MemoryParts extends Omit<BackendRouteParts, 'handle' | 'announce'> {
  readonly maxBytes: number;
  /** Where its data is kept; left out, it is gone with the process. */
  readonly file: string | undefined;
  /** Whether to serve the demo page. */
  readonly demo: boolean;
  /** Sends the cursor of a change to the clients of its namespace. */
  readonly broadcast: TellCursor;
  /** Sends it once more. */
  readonly repeat: TellCursor;
}

/** A memory backend whose code and data are there. */
export interface LoadedBackend {
  readonly listener: RequestListener;
  newestCursor(namespace: string): string | undefined;
  stop(): Promise<void>;
}

/** @throws {DatafnWsError} `ERR_INVALID_OPTION` for a file that cannot be read or written, or is broken. */
export async function loadMemoryBackend(parts: MemoryParts): Promise<LoadedBackend> {
  const { maxBytes, file, broadcast, repeat, logger } = parts;
  const store = new Store(maxBytes, Date.now);
  const state =
    file === undefined
      ? undefined
      : await (await import('./state-file.js')).StateFile.load(file, store, logger);
  if (state !== undefined) store.onChange = () => state.changed();
  const backend = new MemoryBackend(store, Date.now);
  const wakeUps = new WakeUps(broadcast, repeat);
  const routes = backendRoutes({
    ...parts,
    // The one place where answers are made: what is to change or delay them wraps this.
    handle: (call) => backend.answer(call),
    announce: (namespace, cursor) => wakeUps.tell(namespace, cursor),
  });
  return {
    listener: parts.demo ? await withDemo(routes, parts) : routes,
    newestCursor(namespace) {
      const newest = store.namespaces.get(namespace)?.newest ?? 0;
      return newest === 0 ? undefined : String(newest);
    },
    async stop() {
      wakeUps.stop();
      await state?.stop();
    },
  };
}

async function withDemo(
  routes: RequestListener,
  { remote, needsLoopbackHost, refused }: MemoryParts,
): Promise<RequestListener> {
  const { demoRoutes } = await import('./demo.js');
  const page = demoRoutes(remote, needsLoopbackHost, refused);
  return (request, response) => (DEMO_PATHS.has(pathOf(request.url)) ? page : routes)(request, response);
}

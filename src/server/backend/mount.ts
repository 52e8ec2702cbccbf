import type { IncomingMessage, RequestListener } from 'node:http';
import type { ServerSettings } from '../../options/server-options.js';
import { invalidOption } from '../../protocol/errors.js';
import { pathOf } from '../http/request-target.js';
import type { BackendRouteParts } from './http-routes.js';
import { isBackendPath, remoteOf } from './route-table.js';
import type { Store } from './store.js';
import type { TellCursor } from './wake-ups.js';

/** What a mounted backend works with. */
export interface MountParts extends Omit<BackendRouteParts, 'remote' | 'handle' | 'announce'> {
  /** Sends the cursor of a change to the clients of its namespace. */
  readonly broadcast: TellCursor;
  /** Sends it once more. */
  readonly repeat: TellCursor;
}

/** The DataFn HTTP routes of a server. */
export interface MountedBackend {
  /** Whether a request is for it. */
  takes(request: IncomingMessage): boolean;
  readonly listener: RequestListener;
  /** The newest cursor of the data of a namespace. */
  newestCursor(namespace: string): string | undefined;
  /** Sends no cursor any more. */
  stop(): void;
}

/**
 * The remote at which a server has the memory backend; undefined where it has none. It is on by itself where tokens prove
 * nothing, which is on a machine of a developer.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` where it is asked for and cannot be.
 */
export function memoryRemote(
  { backend, path }: Pick<ServerSettings, 'backend' | 'path'>,
  { isDev, isShared }: { readonly isDev: boolean; readonly isShared: boolean },
): string | undefined {
  const remote = remoteOf(path);
  if (backend === undefined) return isDev && !isShared ? remote : undefined;
  if (backend === 'none') return undefined;
  if (isShared) {
    throw invalidOption(
      'The memory backend keeps its data in one process, so --backend memory (`backend`) does not go with --workers, nor with --cluster (`backplane`): drop one of them',
    );
  }
  if (remote === undefined) {
    throw invalidOption(
      `--backend memory (\`backend\`) needs --path (\`path\`) to end in /ws, as DataFn clients connect to <remote>/ws, got "${path}"`,
    );
  }
  return remote;
}

/** The memory backend at `remote`. Its code is loaded when a client first asks for something. */
export function mountMemoryBackend(
  remote: string,
  { backendMaxBytes }: Pick<ServerSettings, 'backendMaxBytes'>,
  parts: MountParts,
): MountedBackend {
  let store: Store | undefined;
  let routes: RequestListener | undefined;
  let loading: Promise<RequestListener> | undefined;
  let stop = () => {};
  const load = async () => {
    const [{ backendRoutes }, { MemoryBackend }, { Store }, { WakeUps }] = await Promise.all([
      import('./http-routes.js'),
      import('./memory-backend.js'),
      import('./store.js'),
      import('./wake-ups.js'),
    ]);
    store = new Store(backendMaxBytes, Date.now);
    const backend = new MemoryBackend(store, Date.now);
    const wakeUps = new WakeUps(parts.broadcast, parts.repeat);
    stop = () => wakeUps.stop();
    routes = backendRoutes({
      ...parts,
      remote,
      // The one place where answers are made: what is to change or delay them wraps this.
      handle: (call) => backend.answer(call),
      announce: (namespace, cursor) => wakeUps.tell(namespace, cursor),
    });
    return routes;
  };
  return {
    takes: ({ url }) => isBackendPath(pathOf(url), remote, parts.socketPath),
    listener(request, response) {
      if (routes !== undefined) {
        routes(request, response);
        return;
      }
      loading ??= load();
      void loading.then((loaded) => loaded(request, response));
    },
    newestCursor(namespace) {
      const newest = store?.namespaces.get(namespace)?.newest ?? 0;
      return newest === 0 ? undefined : String(newest);
    },
    stop: () => stop(),
  };
}

/** Gives a backend its requests, and the others to `listener`. */
export function backendFirst(backend: MountedBackend, listener: RequestListener): RequestListener {
  return (request, response) => (backend.takes(request) ? backend.listener : listener)(request, response);
}

import type { IncomingMessage, RequestListener } from 'node:http';
import type { ServerSettings } from '../../options/server-options.js';
import { invalidOption } from '../../protocol/errors.js';
import { pathOf } from '../http/request-target.js';
import type { LoadedBackend, MemoryParts } from './load-memory.js';
import { DEMO_PATHS, isBackendPath, remoteOf } from './route-table.js';

/** What a mounted backend works with. */
export type MountParts = Omit<MemoryParts, 'remote' | 'maxBytes' | 'file' | 'demo'>;

/** The DataFn HTTP routes of a server. */
export interface MountedBackend {
  /** Whether a request is for it. */
  takes(request: IncomingMessage): boolean;
  readonly listener: RequestListener;
  /** The newest cursor of the data of a namespace. */
  newestCursor(namespace: string): string | undefined;
  /**
   * Reads what was saved.
   *
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` for a file that cannot be read or written, or is broken.
   */
  start(): Promise<void>;
  /** Sends no cursor any more, and saves what has changed. */
  stop(): Promise<void>;
}

/**
 * The remote at which a server has the memory backend; undefined where it has none. It is on by itself where tokens prove
 * nothing, which is on a machine of a developer.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` where it is asked for and cannot be.
 */
export function memoryRemote(
  {
    backend,
    path,
    backendFile,
    demo,
    proxy,
  }: Pick<ServerSettings, 'backend' | 'path' | 'backendFile' | 'demo' | 'proxy'>,
  { isDev, isShared }: { readonly isDev: boolean; readonly isShared: boolean },
): string | undefined {
  const remote = remoteOf(path);
  const asked = [
    ...(backend === 'memory' ? ['--backend memory (`backend`)'] : []),
    ...(backendFile === undefined ? [] : ['--backend-file (`backendFile`)']),
    ...(demo ? ['--demo (`demo`)'] : []),
  ][0];
  if (proxy !== undefined) {
    if (asked === undefined) return undefined;
    throw invalidOption(
      `${asked} cannot be used with --proxy (\`proxy\`), because the data is on the server behind the proxy: drop one of them`,
    );
  }
  if (asked !== undefined && isShared) {
    throw invalidOption(
      `The memory backend keeps its data in one process, so ${asked} does not go with --workers, nor with --cluster (\`backplane\`): drop one of them`,
    );
  }
  const isOn = backend === 'memory' || (backend === undefined && isDev && !isShared && remote !== undefined);
  if (!isOn) {
    if (asked === undefined) return undefined;
    throw invalidOption(`${asked} needs the memory backend: add --backend memory (\`backend\`)`);
  }
  if (remote === undefined) {
    throw invalidOption(
      `--backend memory (\`backend\`) needs --path (\`path\`) to end in /ws, as DataFn clients connect to <remote>/ws, got "${path}"`,
    );
  }
  return remote;
}

/**
 * The memory backend at `remote`. Its code is loaded when a client first asks for something, unless there is a file with
 * its data.
 */
export function mountMemoryBackend(
  remote: string,
  { backendMaxBytes, backendFile, demo }: Pick<ServerSettings, 'backendMaxBytes' | 'backendFile' | 'demo'>,
  parts: MountParts,
): MountedBackend {
  let loading: Promise<LoadedBackend> | undefined;
  let loaded: LoadedBackend | undefined;
  const load = async (): Promise<LoadedBackend> => {
    const { loadMemoryBackend } = await import('./load-memory.js');
    loaded = await loadMemoryBackend({
      ...parts,
      remote,
      demo,
      maxBytes: backendMaxBytes,
      file: backendFile,
    });
    return loaded;
  };
  const whenLoaded = () => {
    loading ??= load();
    return loading;
  };
  return {
    takes({ url }) {
      const path = pathOf(url);
      return isBackendPath(path, remote, parts.socketPath) || (demo && DEMO_PATHS.has(path));
    },
    listener(request, response) {
      if (loaded !== undefined) loaded.listener(request, response);
      else void whenLoaded().then(({ listener }) => listener(request, response));
    },
    newestCursor: (namespace) => loaded?.newestCursor(namespace),
    async start() {
      if (backendFile !== undefined) await whenLoaded();
    },
    stop: async () => loaded?.stop(),
  };
}

/** Gives a backend its requests, and the others to `listener`. */
export function backendFirst(backend: MountedBackend, listener: RequestListener): RequestListener {
  return (request, response) => (backend.takes(request) ? backend.listener : listener)(request, response);
}

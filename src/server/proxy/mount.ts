import type { IncomingMessage, RequestListener } from 'node:http';
import type { DatafnLogger } from '../../manager/types.js';
import type { ServerSettings } from '../../options/server-options.js';
import { invalidOption } from '../../protocol/errors.js';
import { HttpConnectRequest } from '../auth/http-connect-request.js';
import { askProvider, type NamespaceProvider } from '../auth/provider.js';
import type { ServerEvents } from '../events/events.js';
import { isProbe } from '../http/authorize.js';
import type { CursorItem } from '../http/cursors.js';
import { isLoopback } from '../http/hosts-and-origins.js';
import type { UpgradeGate } from '../http/problem.js';
import type { RequestQueue } from '../http/request-queue.js';
import { pathOf } from '../http/request-target.js';
import { clientAddressRule, trustedProxyRule } from '../limits/client-address.js';
import type { AttachedToServer } from '../ws/attach.js';
import { firstRefusal } from '../ws/gates.js';
import type { BackendProxy } from './proxy.js';

/** What a mounted proxy works with. */
export interface MountParts {
  readonly logger: DatafnLogger;
  readonly events: ServerEvents;
  /** The same as for WebSocket clients. */
  readonly namespaceProvider: NamespaceProvider;
  /** Look at a request first; what one returns refuses it. */
  readonly gates: readonly UpgradeGate[];
  readonly requests: RequestQueue;
  readonly attached: Pick<AttachedToServer, 'manager' | 'cluster' | 'remember'>;
  broadcast(item: CursorItem): unknown;
}

/** The proxy of a server. */
export interface MountedProxy {
  /** Whether a request is for it. */
  takes(request: IncomingMessage): boolean;
  readonly listener: RequestListener;
  /** Takes no more requests. Resolves when those under way are answered, or after `timeoutMs`. */
  close(timeoutMs: number): Promise<void>;
}

/**
 * The proxy that the options ask for; undefined where they ask for none. Its code is loaded with the first request.
 *
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` for options that do not go together.
 */
export function mountProxy(settings: ServerSettings, parts: MountParts): MountedProxy | undefined {
  const { proxy: url, path, probe } = settings;
  if (url === undefined) {
    if (!probe) return undefined;
    throw invalidOption('--probe (`probe`) needs --proxy URL (`proxy`): add it, or drop --probe');
  }
  const remote = path.endsWith('/ws') ? path.slice(0, -'/ws'.length) : undefined;
  if (remote === undefined) {
    throw invalidOption(
      `--proxy (\`proxy\`) needs --path (\`path\`) to end in /ws, as DataFn clients connect to <remote>/ws, got "${path}"`,
    );
  }
  checkLoop(url, settings);
  const { logger, namespaceProvider, gates, requests, attached, broadcast } = parts;
  const { manager, cluster, remember } = attached;
  const addressOf = clientAddressRule(settings.trustProxy);
  const isTrusted = trustedProxyRule(settings.trustProxy);
  let proxy: BackendProxy | undefined;
  let loading: Promise<BackendProxy> | undefined;
  const load = async () => {
    const { BackendProxy } = await import('./proxy.js');
    proxy = new BackendProxy({
      url,
      remote,
      settings,
      logger,
      events: parts.events,
      authenticate: (request) =>
        askProvider(namespaceProvider, new HttpConnectRequest(request, addressOf), {
          timeoutMs: settings.authTimeoutMs,
          logger,
        }),
      isTrusted: ({ socket }) => isTrusted(socket.remoteAddress),
      broadcast,
      // Clients of other processes get it from there.
      repeat: ({ cursor, namespace }) =>
        cluster === undefined ? manager.deliverCursor(cursor, namespace) : broadcast({ cursor, namespace }),
      remember,
    });
    return proxy;
  };
  return {
    takes: ({ url: target }) => isUnder(pathOf(target), remote, path),
    listener(request, response) {
      requests.stream(request);
      const handle = (loaded: BackendProxy) => loaded.handle(request, response, firstRefusal(gates, request));
      if (proxy !== undefined) {
        handle(proxy);
        return;
      }
      loading ??= load();
      void loading.then(handle);
    },
    async close(timeoutMs) {
      await (await loading)?.close(timeoutMs);
    },
  };
}

/** With a proxy, `resume` is on: clients of older DataFn versions do not pull when they reconnect. */
export function withResume(settings: ServerSettings): ServerSettings {
  return settings.proxy === undefined ? settings : { ...settings, resume: true };
}

/** Gives a proxy its requests, and the others to `listener`. */
export function proxyFirst(proxy: MountedProxy | undefined, listener: RequestListener): RequestListener {
  if (proxy === undefined) return listener;
  return (request, response) => (proxy.takes(request) ? proxy.listener : listener)(request, response);
}

/** Whether a path is under the remote, and neither the WebSocket endpoint nor a route of the API. */
function isUnder(path: string, remote: string, socketPath: string): boolean {
  if (path === socketPath || !path.startsWith(remote)) return false;
  const next = path[remote.length];
  return (next === undefined || next === '/') && !path.startsWith('/v1/') && !isProbe(path);
}

/** A server that passes requests to itself would do so for ever. */
function checkLoop(url: string, { host, port }: ServerSettings): void {
  const { hostname, port: given, protocol } = new URL(url);
  const to = Number(given) || (protocol === 'https:' ? 443 : 80);
  if (to !== port || !(isLoopback(hostname) || hostname === host)) return;
  throw invalidOption(
    `Expected --proxy (\`proxy\`) to be the URL of the backend, got ${url}, which is this server: choose another --port for one of them`,
  );
}

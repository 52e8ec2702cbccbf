/** The DataFn routes that clients post to. */
const POSTED = ['clone', 'pull', 'push', 'mutation', 'seed', 'reconcile', 'query', 'search', 'transact'];

/** The method of each DataFn route. */
export const ROUTE_METHODS: ReadonlyMap<string, 'GET' | 'POST'> = new Map([
  ...POSTED.map((route) => [route, 'POST'] as const),
  ['status', 'GET'],
]);

/**
 * The DataFn remote whose WebSocket endpoint is at `path`, such as `/datafn` for `/datafn/ws`; undefined for a path that
 * DataFn clients would not connect to.
 */
export function remoteOf(path: string): string | undefined {
  return path.endsWith('/ws') ? path.slice(0, -'/ws'.length) : undefined;
}

/** Whether a path is one of the DataFn HTTP routes of `remote`, or where one would be. */
export function isBackendPath(path: string, remote: string, socketPath: string): boolean {
  if (path === socketPath || !path.startsWith(`${remote}/`)) return false;
  // At the root, the other routes of the server are beside them.
  return remote !== '' || ROUTE_METHODS.has(path.slice(1)) || path.startsWith('/resources/');
}

/** The paths of the page that `demo` serves. */
export const DEMO_PATHS: ReadonlySet<string> = new Set(['/', '/demo.js', '/demo.css']);

import { serverTable } from './server-options.js';

/**
 * The WebSocket URL of a server that is given by an `http:` URL: DataFn clients connect to `<remote>/ws`, and a
 * server without a path has its remote at `/datafn`. A WebSocket URL is returned as it is.
 */
export function webSocketUrlOf(url: string): string {
  if (!/^https?:/i.test(url)) return url;
  const remote = new URL(url).href.replace(/^http/, 'ws').replace(/\/+$/, '');
  const isRoot = new URL(url).pathname.replace(/\/+$/, '') === '';
  return `${remote}${isRoot ? serverTable.path.default : '/ws'}`;
}

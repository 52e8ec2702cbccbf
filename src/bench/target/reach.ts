import { connect, isIP } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { ApiClient, type ApiClientOptions, refusedWith, type TlsTrust } from '../../emit/api-client.js';
import { unreachable } from '../../emit/unreachable.js';
import { maskedUrl } from '../../options/urls.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { noApi } from './hints.js';

const REACH_MS = 5000;

/** `ws://host:port/any/path` to `http://host:port`: where the HTTP API of our own server is. */
export function apiUrlOf(wsUrl: string): string {
  const { protocol, host } = new URL(wsUrl);
  return `${protocol === 'wss:' ? 'https' : 'http'}://${host}`;
}

/** @throws {DatafnWsError} `ERR_UNREACHABLE` when nobody listens at a WebSocket URL, or not with TLS where it says so. */
export async function checkReachable(wsUrl: string, tls: TlsTrust | undefined): Promise<void> {
  const { protocol, hostname, port } = new URL(wsUrl);
  const isSecure = protocol === 'wss:';
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const where = { host, port: Number(port) || (isSecure ? 443 : 80), timeout: REACH_MS };
  const socket = isSecure
    ? connectTls({ ...where, servername: isIP(host) ? '' : host, ...tls } as ConnectionOptions)
    : connect(where);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(isSecure ? 'secureConnect' : 'connect', resolve);
      socket.once('timeout', () => reject(new Error(`no answer within ${REACH_MS / 1000} s`)));
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection was closed')));
    });
  } catch (error) {
    throw unreachable(maskedUrl(wsUrl), error);
  } finally {
    socket.on('error', () => {}).destroy();
  }
}

/** @throws {DatafnWsError} when a server's HTTP API cannot be reached, or would not take emits from us. */
export async function checkEmits(target: ApiClientOptions): Promise<void> {
  const client = new ApiClient({ ...target, timeoutMs: REACH_MS });
  try {
    // It asks for nothing, and is told so with 400 by a server that would take cursors. One of somebody else's
    // making need have no statistics.
    await client.emit([]);
  } catch (error) {
    if (refusedWith(error) === 400) return;
    if (!(error instanceof DatafnWsError) || error.code !== 'ERR_REFUSED') throw error;
    throw noApi(error);
  } finally {
    client.close();
  }
}

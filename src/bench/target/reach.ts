import { connect } from 'node:net';
import { ApiClient, type ApiClientOptions } from '../../emit/api-client.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';

const REACH_MS = 5000;

/** `ws://host:port/any/path` to `http://host:port`: where the HTTP API of our own server is. */
export function apiUrlOf(wsUrl: string): string {
  const { protocol, host } = new URL(wsUrl);
  return `${protocol === 'wss:' ? 'https' : 'http'}://${host}`;
}

/** @throws {DatafnWsError} `ERR_UNREACHABLE` when nobody listens at a WebSocket URL. */
export async function checkReachable(wsUrl: string): Promise<void> {
  const { protocol, hostname, port } = new URL(wsUrl);
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) =>
      reject(
        new DatafnWsError(
          'ERR_UNREACHABLE',
          `Cannot reach ${wsUrl}: ${why}. Is the server running? Start one with: datafn-ws serve`,
        ),
      );
    const socket = connect({
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(port) || (protocol === 'wss:' ? 443 : 80),
      timeout: REACH_MS,
    });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => {
      socket.destroy();
      fail(`no answer within ${REACH_MS / 1000} s`);
    });
    socket.once('error', (error) =>
      fail(messageOf(error) || (error as NodeJS.ErrnoException).code || 'it failed'),
    );
  });
}

/** @throws {DatafnWsError} when a server's HTTP API cannot be reached, or would not take emits from us. */
export async function checkEmits(target: ApiClientOptions): Promise<void> {
  const client = new ApiClient({ ...target, timeoutMs: REACH_MS });
  try {
    await client.get('/v1/stats');
  } catch (error) {
    if (!(error instanceof DatafnWsError) || error.code !== 'ERR_REFUSED') throw error;
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `The scenario emits cursors, and the HTTP API does not take them: ${error.message}. Expected --admin-url (and --admin-token, if it asks for one) of a datafn-ws server, or --emit-url for a server with an API of its own.`,
      { cause: error },
    );
  } finally {
    client.close();
  }
}

import { ApiClient, type ApiClientOptions } from '../emit/api-client.js';
import { readTrust } from './input-files.js';
import type { Io } from './io.js';
import { StopRequests } from './stop-requests.js';

/** Runs a command that calls the HTTP API of a server. A signal ends its requests. Returns the exit code. */
export async function runApiCommand(
  options: Omit<ApiClientOptions, 'tls'> & Parameters<typeof readTrust>[0],
  io: Io,
  run: (client: ApiClient) => Promise<number>,
): Promise<number> {
  const client = new ApiClient({ ...options, tls: await readTrust(options, [options.url]) });
  const stop = new StopRequests(io);
  stop.signal.addEventListener('abort', () => client.close());
  try {
    return await run(client);
  } catch (error) {
    if (stop.exitCode !== undefined) return stop.exitCode;
    throw error;
  } finally {
    stop.dispose();
    client.close();
  }
}

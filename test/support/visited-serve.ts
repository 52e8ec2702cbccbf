import { startServe } from './cli-process.js';
import { postCursors } from './http-call.js';
import { connectClient, openClient } from './live-server.js';

/** What a client smuggles into its close: colors, control characters, invisible ones, a command for GitHub Actions. */
export const SMUGGLED = '\u001b[31mred\u001b[0m\u0007\u009b2J\r\nforged\u202e\u200e\u{e0001}##[error]x';

/**
 * A `serve` that is over, and has logged one of each: a connect, a hello, a broadcast, a close with `SMUGGLED`, a
 * connection without a namespace, and a request with a host that is not the server's.
 */
export async function visitedServe(flags: string[], env: Record<string, string> = {}) {
  const serve = await startServe(flags, { env });
  const client = await openClient(serve.wsUrl, 'user:alice');
  client.say('{"type":"hello","clientId":"phone","cursor":"0"}');
  await client.roundTrip();
  await postCursors(serve.apiUrl, { namespace: 'user:alice', cursor: '42' });
  await client.received(1);
  client.close(4000, SMUGGLED);
  await client.gone();
  await openClient(serve.wsUrl);
  await (await connectClient(serve.wsUrl, { headers: { Host: 'evil.example' } })).gone();
  serve.kill('SIGTERM');
  await serve.ended();
  return serve;
}

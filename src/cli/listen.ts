import { randomBytes } from 'node:crypto';
import type { ConnectionEnd } from '../listen/connection.js';
import { Listener } from '../listen/listener.js';
import { type ListenOptions, listenOptions } from '../options/listen.js';
import { type TracedOptions, traceOptions } from '../options/spec.js';
import { webSocketUrlOf } from '../options/websocket-url.js';
import { ABNORMAL_CLOSURE } from '../protocol/close-codes.js';
import { invalidOption } from '../protocol/errors.js';
import { TOKEN_QUERY } from '../protocol/upgrade.js';
import { EXIT } from './exit-codes.js';
import { readTrust } from './input-files.js';
import type { Io } from './io.js';
import { explainEnd, ListenPrinter, type TokenOrigin } from './listen-printer.js';
import { StopRequests } from './stop-requests.js';

/** Listens until it is stopped or refused, or with `--no-reconnect` until the connection ends. Returns the exit code. */
export async function listen(flags: Record<string, string>, io: Io): Promise<number> {
  const traced = traceOptions(listenOptions, { flags, env: io.env });
  const options = traced.values;
  const url = webSocketUrlOf(options.url);
  const { token, origin } = tokenOf(traced, url);
  const clientId = `listen-${randomBytes(3).toString('hex')}`;
  const printer = new ListenPrinter(io, options, {
    url,
    clientId,
    explain: (end) => explainEnd(end, url, origin),
    hold: () => listener.pause(),
    release: () => listener.resume(),
  });
  const listener = new Listener(
    {
      url,
      token,
      tokenVia: options.tokenVia,
      tls: await readTrust(options, [String(url)]),
      clientId,
      reconnect: options.reconnect ?? true,
    },
    printer,
  );
  const stop = new StopRequests(io);
  stop.signal.addEventListener('abort', () => listener.stop());
  // The output is no longer read, as after `| head`.
  const onLost = () => listener.stop();
  io.stdout.once('error', onLost);
  try {
    const end = await listener.run();
    return stop.exitCode ?? (io.stdout.writable ? exitCodeOf(end) : 0);
  } finally {
    stop.dispose();
    io.stdout.off('error', onLost);
  }
}

/** The token to connect with. A flag takes precedence over the environment, and `--token` and `--namespace` exclude each other. */
function tokenOf(
  { values, origins }: TracedOptions<typeof listenOptions>,
  url: string,
): { readonly token: string | undefined; readonly origin: TokenOrigin } {
  const { namespace, token }: ListenOptions = values;
  if (namespace.length > 1)
    throw invalidOption(`Expected one --namespace, got ${namespace.length}. Run listen once for each.`);
  const given: readonly { token?: string | undefined; origin: Exclude<TokenOrigin, 'none'> }[] = [
    ...(token === undefined ? [] : [{ token, origin: 'token' as const }]),
    ...namespace.map((one) => ({ token: one, origin: 'namespace' as const })),
    ...(new URL(url).searchParams.has(TOKEN_QUERY) ? [{ origin: 'url' as const }] : []),
  ];
  const flags = given.filter(({ origin }) => origins[origin].kind === 'flag');
  const candidates = flags.length > 0 ? flags : given;
  const [chosen] = candidates;
  if (candidates.length > 1) {
    const names = candidates.map(({ origin }) =>
      origin === 'url' ? `a token in ${origins.url.from}` : origins[origin].from,
    );
    throw invalidOption(
      `${names.join(' and ')} ${names.length === 2 ? 'both' : 'all'} set the token: keep one of them.`,
    );
  }
  return { token: chosen?.token, origin: chosen?.origin ?? 'none' };
}

function exitCodeOf(end: ConnectionEnd): number {
  if (end.kind === 'unreachable') return EXIT.unreachable.code;
  if (end.kind !== 'closed') return EXIT.failed.code;
  if (end.code === ABNORMAL_CLOSURE) return EXIT.unreachable.code;
  return end.wasConnected && (end.code === 1000 || end.code === 1001) ? EXIT.done.code : EXIT.failed.code;
}

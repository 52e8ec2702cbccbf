import { randomBytes } from 'node:crypto';
import type { ConnectionEnd } from '../../listen/connection.js';
import { Listener } from '../../listen/listener.js';
import { type ListenOptions, listenOptions } from '../../options/listen.js';
import { type TracedOptions, traceOptions } from '../../options/spec.js';
import { webSocketUrlOf } from '../../options/urls.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { TOKEN_QUERY } from '../../protocol/upgrade.js';
import { type Io, STOP_EXIT_CODES, type StopSignal } from '../io.js';
import { readTrust } from '../trust.js';
import { explainEnd, type TokenOrigin } from './advice.js';
import { ListenPrinter } from './printer.js';

/** Listens until it is stopped, refused, or told not to reconnect; the exit code. */
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
  let stoppedBy: StopSignal | undefined;
  const dispose = io.onStop((signal) => {
    stoppedBy = signal;
    listener.stop();
  });
  // Without a reader there is nothing left to do; `| head` is such a case.
  const onLost = () => listener.stop();
  io.stdout.once('error', onLost);
  try {
    const end = await listener.run();
    if (stoppedBy !== undefined) return STOP_EXIT_CODES[stoppedBy];
    return io.stdout.writable ? exitCodeOf(end) : 0;
  } finally {
    dispose();
    io.stdout.off('error', onLost);
  }
}

/** The token to connect with. A flag takes precedence over the environment, and `--token` and `--namespace` exclude each other. */
function tokenOf(
  { values, origins }: TracedOptions<typeof listenOptions>,
  url: string,
): { readonly token: string | undefined; readonly origin: TokenOrigin } {
  const { namespace, token }: ListenOptions = values;
  const isInUrl = new URL(url).searchParams.has(TOKEN_QUERY);
  const isFlag = (key: 'namespace' | 'token' | 'url') => origins[key].kind === 'flag';
  if (namespace.length > 1)
    throw invalid(`Expected one --namespace, got ${namespace.length}: run a second listen for another one.`);
  const given = [
    ...(token === undefined ? [] : [{ token, origin: 'token' as const, key: 'token' as const }]),
    ...(namespace.length === 0
      ? []
      : [{ token: namespace[0], origin: 'namespace' as const, key: 'namespace' as const }]),
    ...(isInUrl ? [{ token: undefined, origin: 'url' as const, key: 'url' as const }] : []),
  ];
  const asked = given.filter(({ key }) => isFlag(key));
  const [chosen, ...others] = asked.length > 0 ? asked : given;
  if (others.length > 0) {
    const names = [chosen, ...others].map((one) =>
      one?.origin === 'url' ? `a token in ${origins.url.from}` : one && origins[one.key].from,
    );
    throw invalid(`Expected one token, got ${names.join(' and ')}: leave one of them out.`);
  }
  return { token: chosen?.token, origin: chosen?.origin ?? 'none' };
}

function exitCodeOf(end: ConnectionEnd): number {
  if (end.kind === 'unreachable') return 3;
  if (end.kind !== 'closed') return 1;
  if (end.code === 1006) return 3;
  return end.wasConnected && (end.code === 1000 || end.code === 1001) ? 0 : 1;
}

function invalid(message: string): DatafnWsError {
  return new DatafnWsError('ERR_INVALID_OPTION', message);
}

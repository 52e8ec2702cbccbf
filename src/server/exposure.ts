import { hostAndPort } from '../options/checks.js';
import type { ServerSettings } from '../options/server-options.js';
import { invalidOption } from '../protocol/errors.js';
import { isDevProvider } from './auth/dev.js';
import type { NamespaceProvider } from './auth/provider.js';
import { tokenLengthProblem } from './auth/tokens.js';
import { isLoopback } from './http/hosts-and-origins.js';

/** A server that is open to the network must authenticate. */
export function checkExposure(
  { host, metricsListen, adminToken }: ServerSettings,
  namespaceProvider: NamespaceProvider | undefined,
): void {
  if (metricsListen !== undefined)
    checkToken(hostAndPort(metricsListen).host, adminToken, 'the metrics (--metrics-listen)');
  const isDev = namespaceProvider === undefined || isDevProvider(namespaceProvider);
  checkToken(
    host,
    adminToken,
    isDev ? 'the server' : 'the HTTP API',
    isDev ? ' and choose an --auth other than dev' : '',
  );
  if (isLoopback(host)) return;
  if (isDev) {
    throw invalidOption(
      `The \`dev\` namespace provider lets anyone into any namespace, so it listens on loopback only, not on ${host}: choose another with --auth (\`namespaceProvider\`), or listen on 127.0.0.1`,
    );
  }
}

function checkToken(host: string, adminToken: string | undefined, what: string, alsoNeeded = ''): void {
  if (isLoopback(host)) return;
  if (adminToken === undefined) {
    throw invalidOption(
      `Listening on ${host} exposes ${what} to the network: set --admin-token TOKEN (\`adminToken\` in a config file)${alsoNeeded}, or listen on 127.0.0.1`,
    );
  }
  const short = tokenLengthProblem(adminToken);
  if (short !== undefined) {
    throw invalidOption(
      `Listening on ${host} exposes ${what} to the network, so --admin-token (\`adminToken\` in a config file) must have ${short}. Make one with: openssl rand -hex 16`,
    );
  }
}

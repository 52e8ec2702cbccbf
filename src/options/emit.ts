import { namespaceMismatch } from '../protocol/identifiers.js';
import { tokenProblem } from './checks.js';
import { count, file, list, rate, text, toggle } from './kinds.js';
import { serverTable } from './server-options.js';
import type { Resolved } from './spec.js';
import { apiUrlProblem, maskedUrl } from './urls.js';

export const adminTokenOption = text({
  placeholder: 'TOKEN',
  help: 'Bearer token for the HTTP API; prefer DATAFN_WS_ADMIN_TOKEN.',
  default: undefined as string | undefined,
  isSecret: true,
  check: tokenProblem,
});

/** Where the HTTP API is, for `emit` and `who`. */
export const apiUrlOption = text({
  placeholder: 'URL',
  help: 'The HTTP API of the server.',
  default: `http://${serverTable.host.default}:${serverTable.port.default}`,
  check: apiUrlProblem,
  masked: maskedUrl,
});

/** Which TLS certificates to trust. */
export const trustOptions = {
  ca: file({ help: 'Certificates (PEM) to trust for wss: and https: URLs.' }),
  insecure: toggle({ help: 'Trust any certificate.' }),
} as const;

/** Every option of `datafn-ws emit`. */
export const emitOptions = {
  namespace: list({
    short: 'n',
    placeholder: 'NS',
    help: 'Namespace to emit into; repeat it for several.',
    check: namespaceMismatch,
  }),
  principal: list({
    placeholder: 'P',
    help: 'Principal whom the change concerns, such as user:bob; repeat it for several. Default: everybody.',
    fromEnv: false,
    check: namespaceMismatch,
  }),
  url: apiUrlOption,
  adminToken: adminTokenOption,
  ...trustOptions,
  from: count({ help: 'First cursor of a range.', default: undefined as number | undefined, fromEnv: false }),
  to: count({ help: 'Last cursor of a range.', default: undefined as number | undefined, fromEnv: false }),
  rate: rate({
    help: 'Cursors per second, each to every namespace. Default: as fast as the server responds.',
    default: undefined as number | undefined,
    fromEnv: false,
  }),
  file: text({
    placeholder: 'FILE',
    help: 'NDJSON script with one {"namespace","cursor","delayMs"} per line; - reads stdin.',
    default: undefined as string | undefined,
    fromEnv: false,
    check: (value) => (value === '' ? 'a file name, or -' : undefined),
  }),
  reset: toggle({
    help: 'Make the first cursor of each namespace its newest, however low it is: for a database that was restored.',
    fromEnv: false,
  }),
  keepGoing: toggle({
    help: 'Continue after an invalid line or a refused cursor.',
    fromEnv: false,
  }),
  json: toggle({ help: 'Print JSON lines to stdout, and nothing else.', fromEnv: false }),
} as const;

export type EmitOptions = Resolved<typeof emitOptions>;

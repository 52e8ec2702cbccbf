import { namespaceMismatch } from '../protocol/identifiers.js';
import { adminTokenOption, apiUrlOption, trustOptions } from './emit.js';
import { list, toggle } from './kinds.js';

/** Every option of `datafn-ws who`. */
export const whoOptions = {
  namespace: list({
    short: 'n',
    placeholder: 'NS',
    help: 'Namespace whose clients to list; without it, the namespaces are listed.',
    check: namespaceMismatch,
  }),
  url: apiUrlOption,
  adminToken: adminTokenOption,
  ...trustOptions,
  json: toggle({ help: 'Print the answer as one line of JSON.', fromEnv: false }),
} as const;

import { adminTokenOption, apiUrlOption, trustOptions } from './emit.js';
import { toggle } from './spec.js';

/** Every option of `datafn-ws who`. */
export const whoOptions = {
  url: apiUrlOption,
  adminToken: adminTokenOption,
  ...trustOptions,
  json: toggle({ help: 'Print the answer as one line of JSON.', fromEnv: false }),
} as const;

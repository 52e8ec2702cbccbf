import { namespaceMismatch } from '../protocol/identifiers.js';
import { adminTokenOption, apiUrlOption, trustOptions } from './emit.js';
import { faultPresetOption } from './faults.js';
import { count, duration, text, toggle } from './kinds.js';
import type { Resolved } from './spec.js';

const none = undefined as number | undefined;

/** Every option of `datafn-ws fault`. */
export const faultOptions = {
  namespace: text({
    short: 'n',
    placeholder: 'NS',
    help: 'Namespace whose clients it affects. Default: all.',
    default: undefined as string | undefined,
    fromEnv: false,
    check: namespaceMismatch,
  }),
  clientId: text({
    placeholder: 'ID',
    help: 'Client that it affects, by the id in its hello. Default: all.',
    default: undefined as string | undefined,
    fromEnv: false,
  }),
  next: count({
    min: 1,
    help: 'Strike only this many times. Default: always.',
    default: none,
    fromEnv: false,
  }),
  every: count({ min: 1, help: 'Strike only every Nth time.', default: none, fromEnv: false }),
  probability: text({
    placeholder: 'P',
    help: 'Probability of striking each time, from 0 to 1.',
    default: undefined as string | undefined,
    fromEnv: false,
    check: (value) => (/^(0|1|0?\.\d+|1\.0+)$/.test(value) ? undefined : 'a number from 0 to 1'),
  }),
  for: duration({
    help: 'End after this time. Default: when cleared.',
    default: none,
    fromEnv: false,
  }),
  seed: count({
    help: 'Seed of every random choice. Default: 1.',
    default: none,
    fromEnv: false,
  }),
  preset: {
    ...faultPresetOption,
    fromEnv: false,
    help: faultPresetOption.help.replace('Start with a', 'Set a'),
  },
  file: text({
    placeholder: 'FILE',
    help: 'JSON file with {"rules":[…]}, as PUT /v1/faults takes it; - reads stdin.',
    default: undefined as string | undefined,
    fromEnv: false,
  }),
  add: toggle({ help: 'Keep the faults that are there.', fromEnv: false }),
  url: apiUrlOption,
  adminToken: adminTokenOption,
  ...trustOptions,
  json: toggle({ help: 'Print the faults as one line of JSON.', fromEnv: false }),
} as const;

export type FaultOptions = Resolved<typeof faultOptions>;

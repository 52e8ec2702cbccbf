import { urlProblem } from './checks.js';
import { adminTokenOption } from './emit.js';
import { count, list, type Resolved, text, toggle } from './spec.js';

/** Every option of `datafn-ws bench`. */
export const benchOptions = {
  url: list({
    placeholder: 'URL',
    help: 'WebSocket URL of the server to test; without it, bench starts one. Repeat it to spread clients.',
    fromEnv: false,
    parse: (value) => {
      const wrong = urlProblem(value, ['ws:', 'wss:']);
      return wrong === undefined ? { ok: true, value: [value] } : { ok: false, expected: wrong };
    },
  }),
  adminUrl: text({
    placeholder: 'URL',
    help: 'HTTP API of that server, for emits. Default: the same host and port.',
    default: undefined as string | undefined,
    check: (value) => urlProblem(value, ['http:', 'https:']),
  }),
  adminToken: adminTokenOption,
  set: list({
    placeholder: 'PATH=VALUE',
    help: 'Change a value of the scenario, such as cohorts.steady.clients=500. Repeatable.',
    fromEnv: false,
  }),
  workers: count({
    min: 1,
    max: 64,
    help: 'Processes to spread the clients over. Default: by cores and descriptors.',
    default: undefined as number | undefined,
  }),
  seed: count({
    help: "Seed of every random choice. Default: the scenario's.",
    default: undefined as number | undefined,
  }),
  progress: toggle({ help: 'Show live progress even where stderr is no terminal.', fromEnv: false }),
  list: toggle({ help: 'List the scenarios that ship with the tool.', fromEnv: false }),
  validate: toggle({ help: 'Check the scenarios and run nothing.', fromEnv: false }),
} as const;

export type BenchOptions = Resolved<typeof benchOptions>;

import { optionalChoice, size } from './kinds.js';

/** Words for `--backend`. */
const BACKENDS = ['memory', 'none'] as const;

/** The options of a server for the DataFn HTTP routes that it answers itself. */
export const backendTable = {
  /**
   * Whether to answer the DataFn HTTP routes beside the WebSocket endpoint from memory. For development: left out, it is on
   * with the `dev` provider, unless the server is one of several.
   */
  backend: optionalChoice(BACKENDS, {
    group: 'Backend',
    placeholder: 'KIND',
    help: 'Answer the DataFn HTTP routes (clone, pull, push, …) from memory, for development. Default: memory with --auth dev, otherwise none.',
  }),
  /** Maximum memory of that backend, in bytes: its rows as JSON, and 256 for each. Beyond it, pushes are refused. */
  backendMaxBytes: size({
    group: 'Backend',
    min: 1,
    help: 'Maximum size of the memory backend: its rows as JSON, and 256 bytes for each. Beyond it, pushes are refused.',
    default: 64 * 1024 * 1024,
  }),
} as const;

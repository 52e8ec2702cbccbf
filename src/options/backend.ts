import { file, optionalChoice, size, toggle } from './kinds.js';

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
  /** File in which that backend keeps its data: read at the start, saved a few seconds after a change and on shutdown. */
  backendFile: file({
    group: 'Backend',
    help: 'File in which the memory backend keeps its data: read at the start, saved a few seconds after a change and on shutdown. Default: its data is gone on restart.',
  }),
  /** Whether to serve a page at `/` that shows live sync: a todo list in plain JavaScript. */
  demo: toggle({
    help: 'Serve a page at / that shows live sync: a todo list in 120 lines of plain JavaScript. See docs/first-app.md.',
  }),
} as const;

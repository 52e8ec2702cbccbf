import { size, text, toggle } from './kinds.js';
import { backendUrlProblem, maskedUrl } from './urls.js';

/** The options of a proxy in front of a backend: a part of `serverTable`. */
export const proxyTable = {
  /**
   * URL of a DataFn backend that gets the requests under the remote (`path` without its `/ws`); the cursors in its responses
   * are broadcast. A URL with a path is that of the backend's remote. Default: none.
   */
  proxy: text<string | undefined>({
    group: 'Backend',
    placeholder: 'URL',
    help: 'Pass requests under the DataFn remote on to this backend, and broadcast the cursors in its responses.',
    default: undefined,
    check: backendUrlProblem,
    masked: maskedUrl,
  }),
  /** Whether to ask that backend for the cursor after a change whose response has none: mutation, transact, REST, seed. */
  probe: toggle({
    group: 'Backend',
    help: 'With --proxy: ask the backend for the cursor after mutation, transact and REST, whose responses have none.',
  }),
  /** Bytes of a proxied body that are looked at for its cursor; a longer one passes unseen. 0 looks at none. */
  inspectLimitBytes: size({
    group: 'Backend',
    help: 'With --proxy: bytes of a body that are looked at for its cursor; a longer one passes unseen.',
    default: 4 * 1024 * 1024,
  }),
} as const;

/** Exit codes of commands, except those of signals (`STOP_EXIT_CODES`). The docs list them in this order. */
export const EXIT = {
  done: { code: 0, meaning: 'Done; every expectation held.' },
  failed: {
    code: 1,
    meaning:
      'An expectation or a clause failed. `emit`, `listen`, `who`: the server refused, or a line of a script is invalid.',
  },
  usage: { code: 2, meaning: 'Wrong usage, or an invalid scenario. Nothing was run.' },
  unreachable: { code: 3, meaning: 'The target could not be reached or started.' },
  regressed: { code: 4, meaning: 'Worse than the baseline (`bench --baseline`, `compare`).' },
  invalid: {
    code: 5,
    meaning: 'The result is not valid: the load generator was the bottleneck, or a worker died.',
  },
  /** EX_SOFTWARE of sysexits.h. */
  bug: { code: 70, meaning: 'A bug in datafn-ws. `bench` still writes every report, which says so.' },
  /** EX_IOERR of sysexits.h. */
  unwritten: { code: 74, meaning: 'The output or a report could not be written; everything else went well.' },
} as const satisfies Record<string, { readonly code: number; readonly meaning: string }>;

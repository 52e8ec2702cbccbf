import { closeProblem } from '../protocol/close-codes.js';
import { namespaceMismatch, namespaceProblem } from '../protocol/identifiers.js';
import { adminTokenOption, apiUrlOption, trustOptions } from './emit.js';
import { count, list, text, toggle } from './kinds.js';

/** Every option of `datafn-ws kick`. */
export const kickOptions = {
  namespace: list({
    short: 'n',
    placeholder: 'NS',
    help: 'Close all clients of this namespace; with --principal, only those of both.',
    // A variable must not decide who loses access.
    fromEnv: false,
    check: namespaceMismatch,
  }),
  principal: text({
    placeholder: 'P',
    help: 'Close all clients that stand for this principal, such as user:bob.',
    default: undefined as string | undefined,
    fromEnv: false,
    check: namespaceProblem,
  }),
  code: count({
    help: 'Close code, 4403 by default. After 4503 or 1013, newer DataFn clients wait longer before they reconnect.',
    default: undefined as number | undefined,
    fromEnv: false,
  }),
  reason: text({
    placeholder: 'TEXT',
    help: 'Reason in the close frame, at most 123 bytes.',
    default: undefined as string | undefined,
    fromEnv: false,
    check: (value) => {
      const wrong = closeProblem(1000, value);
      return wrong && `${wrong.expected}, got ${wrong.got}`;
    },
  }),
  url: apiUrlOption,
  adminToken: adminTokenOption,
  ...trustOptions,
  json: toggle({ help: 'Print the answer as one line of JSON.', fromEnv: false }),
} as const;

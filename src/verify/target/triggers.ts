import { spawn } from 'node:child_process';
import parseCommand from 'string-argv';
import { ApiClient, type ApiClientOptions } from '../../emit/api-client.js';
import { DatafnWsError, messageOf } from '../../protocol/errors.js';
import { type Backend, resultOf } from './backend.js';
import type { Tenant } from './tenants.js';

// How a cursor is caused.

/** Where the next cursor comes from. One increasing sequence for a whole run, so that a cursor names its broadcast. */
export type NextCursor = () => string;

/** Something was done that makes the server broadcast. */
export interface Caused {
  /** What was done, in words. */
  readonly words: string;
  /** The cursor that it broadcasts; `undefined` where that is not known. */
  readonly cursor: string | undefined;
}

/** A way to cause cursors, opened for one clause: what it sends stays in order. */
export interface Trigger {
  /** @param cursor the cursor to send, where the trigger can choose. */
  cause(tenant: Tenant, cursor?: string): Promise<Caused>;
  close(): void;
}

export interface TriggerKind {
  readonly name: 'api' | 'push' | 'command';
  /** Whether verify chooses the cursor. */
  readonly choosesCursor: boolean;
  open(next: NextCursor): Trigger;
}

/** Through the HTTP API of a datafn-ws server. */
export function apiTrigger(api: ApiClientOptions): TriggerKind {
  return {
    name: 'api',
    choosesCursor: true,
    open(next) {
      const client = new ApiClient(api);
      return {
        async cause({ namespace = '' }, cursor = next()) {
          await client.emit([{ namespace, cursor }]);
          return { words: `emitted ${cursor} to ${namespace}`, cursor };
        },
        close: () => client.close(),
      };
    },
  };
}

/** A push of a new row, as a DataFn client makes it. */
export function pushTrigger(backend: Backend): TriggerKind {
  return {
    name: 'push',
    choosesCursor: false,
    open: () => ({
      async cause(tenant) {
        const mutation = backend.mutation();
        const answer = await backend.push(tenant, mutation);
        const { cursor } = resultOf(answer) ?? {};
        if (answer.status !== 200 || typeof cursor !== 'string')
          throw new DatafnWsError(
            'ERR_REFUSED',
            `A push to ${backend.url('push')} got ${answer.status} ${answer.text.slice(0, 300)}`,
          );
        return { words: `pushed ${mutation.id}`, cursor };
      },
      close() {},
    }),
  };
}

/** How long a command may run. */
const COMMAND_MS = 10_000;

/** A command, in which `{namespace}`, `{token}` and `{cursor}` are filled in. No shell is between. */
export function commandTrigger(
  command: string,
  env: Readonly<Record<string, string | undefined>>,
): TriggerKind {
  const choosesCursor = command.includes('{cursor}');
  return {
    name: 'command',
    choosesCursor,
    open: (next) => ({
      async cause({ namespace = '', token }, given = next()) {
        const values: Readonly<Record<string, string>> = { namespace, token, cursor: given };
        const words = parseCommand(command).map((word) =>
          word.replace(/\{(namespace|token|cursor)\}/g, (_, name: string) => values[name] ?? ''),
        );
        await runCommand(words, env);
        return { words: 'ran the command of --trigger', cursor: choosesCursor ? given : undefined };
      },
      close() {},
    }),
  };
}

/**
 * Runs a command to its end.
 *
 * @throws {DatafnWsError} `ERR_REFUSED` when it fails.
 */
export function runCommand(
  [file = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) =>
      reject(new DatafnWsError('ERR_REFUSED', `The command ${file} failed: ${why}`));
    const child = spawn(file, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...env },
      timeout: COMMAND_MS,
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-500);
    });
    child.once('error', (error) => fail(messageOf(error)));
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else fail(`${signal ?? `exit code ${code}`} ${said}`.trim());
    });
  });
}

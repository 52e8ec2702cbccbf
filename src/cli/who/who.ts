import { ApiClient } from '../../emit/api-client.js';
import { resolveOptions } from '../../options/spec.js';
import { whoOptions } from '../../options/who.js';
import { DatafnWsError } from '../../protocol/errors.js';
import { printableJson } from '../../protocol/printable.js';
import { colorsFor } from '../color.js';
import { type Io, STOP_EXIT_CODES } from '../io.js';
import { readTrust } from '../trust.js';
import { type NamespaceCount, whoTable } from './table.js';

/** Prints the namespaces of a server and how many clients each has; the exit code. */
export async function who(flags: Record<string, string>, io: Io): Promise<number> {
  const options = resolveOptions(whoOptions, { flags, env: io.env });
  const client = new ApiClient({ ...options, tls: await readTrust(options, [options.url]) });
  let stopped: number | undefined;
  const dispose = io.onStop((signal) => {
    stopped = STOP_EXIT_CODES[signal];
    client.close();
  });
  try {
    const namespaces = readAnswer(await client.get('/v1/namespaces'), options.url);
    const columns = io.stdout.isTTY === true ? io.stdout.columns : undefined;
    io.stdout.write(
      options.json
        ? `${printableJson({ namespaces })}\n`
        : whoTable(namespaces, colorsFor(io, 'stdout'), columns),
    );
    return 0;
  } catch (error) {
    if (stopped !== undefined) return stopped;
    throw error;
  } finally {
    dispose();
    client.close();
  }
}

/** Most clients first. */
function readAnswer(answer: unknown, url: string): readonly NamespaceCount[] {
  const { namespaces } = (answer ?? {}) as { namespaces?: unknown };
  if (!Array.isArray(namespaces) || !namespaces.every(isCount))
    throw new DatafnWsError(
      'ERR_REFUSED',
      `${url} refused: an answer without \`namespaces\`; is it a datafn-ws server?`,
    );
  return namespaces
    .map(({ namespace, connections }) => ({ namespace, connections }))
    .sort((a, b) => b.connections - a.connections || (a.namespace < b.namespace ? -1 : 1));
}

function isCount(value: unknown): value is NamespaceCount {
  const { namespace, connections } = (value ?? {}) as Record<string, unknown>;
  return typeof namespace === 'string' && Number.isSafeInteger(connections) && Number(connections) >= 0;
}

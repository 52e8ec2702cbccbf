import { kickOptions } from '../options/kick.js';
import { type Resolved, resolveOptions } from '../options/spec.js';
import { closeProblem } from '../protocol/close-codes.js';
import { DatafnWsError, invalidOption } from '../protocol/errors.js';
import { namespaceProblem } from '../protocol/identifiers.js';
import { printable, printableJson } from '../text/printable.js';
import { formatAmount } from '../text/units.js';
import { runApiCommand } from './api-command.js';
import { colorsFor } from './color.js';
import type { Io } from './io.js';

/** Closes clients that must lose access: one, those of a namespace, or those of a principal. Returns the exit code. */
export async function kick(
  id: string | undefined,
  flags: Readonly<Record<string, string>>,
  io: Io,
): Promise<number> {
  const options = resolveOptions(kickOptions, { flags, env: io.env });
  const { url, json } = options;
  const { path, whom } = asked(id, options);
  return runApiCommand(options, io, async (client) => {
    const answer = readAnswer(await client.call('DELETE', path), url);
    if (json) io.stdout.write(`${printableJson(answer)}\n`);
    else {
      const { closed, nodes, replicated } = answer;
      const { yellow } = colorsFor(io, 'stdout');
      const where = nodes === undefined ? '' : ` on ${formatAmount(nodes, 'server')}`;
      const rest = replicated === false ? yellow(' (not all servers of the cluster have answered)') : '';
      io.stdout.write(`closed ${formatAmount(closed, 'client')} ${whom}${where}${rest}\n`);
    }
    return answer.replicated === false ? 1 : 0;
  });
}

/** The path of the request, and whom it is about in words. */
function asked(
  id: string | undefined,
  { namespace: namespaces, principal, code, reason }: Resolved<typeof kickOptions>,
): { path: string; whom: string } {
  const [namespace, ...others] = namespaces;
  if (others.length > 0)
    throw invalidOption(`Expected one --namespace, got ${namespaces.length}. Run kick once for each.`);
  const isAboutMany = namespace !== undefined || principal !== undefined;
  if (id === undefined && !isAboutMany)
    throw invalidOption(
      'Specify which clients to kick: an id (list them with: npx datafn-ws who -n NS), --namespace NS or --principal P.',
    );
  if (id !== undefined && isAboutMany)
    throw invalidOption(
      `Expected an id, or --namespace and --principal, got an id and ${namespace === undefined ? '--principal' : '--namespace'}.`,
    );
  const wrongId = id === undefined ? undefined : namespaceProblem(id);
  if (wrongId !== undefined) throw invalidOption(`Expected the id to be ${wrongId}`);
  const wrong = code === undefined ? undefined : closeProblem(code, '');
  if (wrong !== undefined) throw invalidOption(`Expected --code to be ${wrong.expected}, got ${wrong.got}`);
  const query = new URLSearchParams({
    ...(principal === undefined ? {} : { principal }),
    ...(code === undefined ? {} : { code: String(code) }),
    ...(reason === undefined ? {} : { reason }),
  }).toString();
  const ofPrincipal = principal === undefined ? '' : `of ${printable(principal)}`;
  const rest = query === '' ? '' : `?${query}`;
  // `who` shows ids as #7.
  if (id !== undefined)
    return {
      path: `/v1/clients/${encodeURIComponent(id.replace(/^#/, ''))}${rest}`,
      whom: `(${printable(id)})`,
    };
  if (namespace === undefined) return { path: `/v1/clients${rest}`, whom: ofPrincipal };
  return {
    path: `/v1/namespaces/${encodeURIComponent(namespace)}/clients${rest}`,
    whom: `${ofPrincipal} in ${printable(namespace)}`.trim(),
  };
}

interface Answer {
  readonly closed: number;
  readonly nodes?: number | undefined;
  readonly replicated?: boolean | undefined;
}

function readAnswer(answer: unknown, url: string): Answer {
  const { closed, nodes, replicated } = (answer ?? {}) as Partial<Record<keyof Answer, unknown>>;
  const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
  const isValid =
    isCount(closed) &&
    (nodes === undefined || isCount(nodes)) &&
    (replicated === undefined || typeof replicated === 'boolean');
  if (isValid) return { closed, nodes, replicated } as Answer;
  throw new DatafnWsError(
    'ERR_REFUSED',
    `${url} refused: an answer without \`closed\`; is it a datafn-ws server?`,
  );
}

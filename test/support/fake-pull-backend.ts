import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What is wrong with a backend. */
export interface BackendFaults {
  /** How long an answer to a pull takes. */
  readonly delayMs?: number;
  /** Pulls that do not see a change yet, of each client, after its cursor was sent. */
  readonly isLate?: boolean;
  /** Waited for before a push is taken. */
  readonly beforePush?: () => Promise<void>;
  /** Answers a pull instead. */
  readonly answer?: (
    asked: Readonly<Record<string, string>>,
    newest: number,
  ) => { status?: number; body: unknown };
}

/**
 * A little backend with one table and one namespace: it takes pushes, calls `announce` with the cursor of each, and
 * answers pulls.
 */
export async function startFakeBackend(announce: (cursor: number) => void, faults: BackendFaults = {}) {
  const changes: { seq: number; id: string }[] = [];
  let turn: Promise<void> = Promise.resolve();
  const take = (
    body: { mutations: { id: string; mutationId: string }[] },
    send: (status: number, answer: unknown) => void,
  ): void => {
    const [{ id, mutationId } = { id: '', mutationId: '' }] = body.mutations;
    const seq = (changes.at(-1)?.seq ?? 0) + 1;
    changes.push({ seq, id });
    const result = {
      ok: true,
      applied: [mutationId],
      errors: [],
      cursor: String(seq),
      cursorBefore: String(seq - 1),
    };
    // As DataFn's server does, before the answer.
    announce(seq);
    send(200, { ok: true, result });
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    const send = (status: number, answer: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    };
    if (request.url === '/datafn/push') {
      // One push after the other, also where they wait.
      turn = turn.then(() => faults.beforePush?.()).then(() => take(body, send));
      return turn;
    }
    await new Promise((resolve) => setTimeout(resolve, faults.delayMs ?? 0));
    const newest = changes.at(-1)?.seq ?? 0;
    const asked: Record<string, string> = body.cursors;
    const fault = faults.answer?.(asked, newest);
    if (fault !== undefined && newest > 0) return send(fault.status ?? 200, fault.body);
    const [table = '', cursor = '0'] = Object.entries(asked)[0] ?? [];
    const visible = faults.isLate ? newest - 1 : newest;
    const records = changes
      .filter(({ seq }) => seq > Number(cursor) && seq <= visible)
      .map(({ id }) => ({ id }));
    const result = {
      ok: true,
      records: { [table]: records },
      deleted: { [table]: [] },
      cursors: { [table]: String(Math.max(Number(cursor), visible)) },
      hasMore: false,
    };
    send(200, { ok: true, result });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/datafn/pull`),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Instance, Options, Result } from 'autocannon';
import { DatafnWsError } from '../../protocol/errors.js';
import { monotonicMs } from '../measure/clock.js';
import type { EmissionPlan } from '../measure/emission-plan.js';
import type { ApiMeasurement, EmitMeasurement } from '../measure/measurements.js';
import {
  Batches,
  type EmitOrder,
  type EmitTarget,
  type Emitted,
  type Entry,
  type Lane,
  openLane,
  partOf,
} from './emitter.js';

/** Cursors set aside for one phase: more than autocannon can send. */
const RESERVED_CURSORS = 100_000_000;
/** How often autocannon looks whether its time is over. */
const STOP_CHECK_MS = 100;
/** The deadline of an emit ends every wait; autocannon's own only has to be longer. */
const LONGEST_WAIT_S = 3600;

/**
 * Autocannon is installed by those who want it: it is three quarters of the packages that this one would bring along.
 *
 * @param scenario the name of the one that wants it.
 * @throws {DatafnWsError} `ERR_INVALID_OPTION` when it is not there.
 */
export function checkAutocannon(scenario: string): void {
  try {
    createRequire(import.meta.url).resolve('autocannon');
  } catch {
    throw new DatafnWsError(
      'ERR_INVALID_OPTION',
      `The scenario ${scenario} emits with autocannon, which is not installed: add it beside datafn-ws with \`npm install -D autocannon\`, or run \`npx -p datafn-ws -p autocannon datafn-ws bench …\``,
    );
  }
}

/**
 * The plan of a phase that autocannon drives: its connections race, so neither order nor time of a cursor is known.
 */
export function racingPlan(order: EmitOrder, id: number, firstCursor: number, startMs: number): EmissionPlan {
  return {
    id,
    firstCursor,
    count: RESERVED_CURSORS,
    namespaces: order.namespaces,
    batch: order.batch,
    startMs,
    intervalMs: 0,
    isOrdered: false,
    cursorLength: order.cursorLength,
    owes: order.owes,
  };
}

/**
 * Carries out a plan with autocannon, which says when a request goes out, and on which connection. What goes out is
 * an emit like any other: see {@link openEmitRelay}.
 */
export async function driveWithAutocannon(
  order: EmitOrder,
  plan: EmissionPlan,
  namespaces: readonly string[],
  target: EmitTarget,
  measurements: { readonly emit: EmitMeasurement; readonly api: ApiMeasurement },
  signal: AbortSignal,
): Promise<Emitted> {
  const { emit, api } = measurements;
  const batches = new Batches(plan, namespaces, emit, signal);
  let next = 0;
  const relay = await openEmitRelay(target, order.to, async (lane) => {
    const index = next;
    next += 1;
    const startMs = monotonicMs();
    const failure = await batches.emit(index, lane);
    if (failure !== undefined) api.failed += 1;
    if (failure?.code === 'ERR_UNREACHABLE') return false;
    api.requests += 1;
    api.latency.record(monotonicMs() - startMs);
    return failure === undefined;
  });
  try {
    api.durationMs += await Promise.race([drive(order, relay.url, signal), relay.broken]);
  } finally {
    await relay.close();
  }
  return { emitted: next * plan.batch, failed: batches.failed, error: batches.error };
}

/** Has autocannon send requests for the time of a phase; how long that was, in milliseconds. */
async function drive(order: EmitOrder, url: string, signal: AbortSignal): Promise<number> {
  // It takes a good part of the start of `bench`, and few phases want it.
  const { default: autocannon } = await import('autocannon');
  const options: Options = {
    url,
    connections: order.connections,
    duration: order.durationMs / 1000,
    sampleInt: STOP_CHECK_MS,
    timeout: LONGEST_WAIT_S,
    // Its rates are whole numbers. Its correction of latencies is off by orders of magnitude at low ones, and an error
    // without a rate.
    ...(order.ratePerSecond === undefined
      ? {}
      : { overallRate: Math.round(order.ratePerSecond / order.batch), ignoreCoordinatedOmission: true }),
  };
  let run!: Instance;
  const finished = new Promise<Result>((resolve, reject) => {
    run = autocannon(options, (error, result) => (error ? reject(error) : resolve(result)));
  });
  const stop = () => run.stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return (await finished).duration * 1000;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

const END_OF_HEAD = '\r\n\r\n';
const TAKEN = 'HTTP/1.1 204 No Content\r\n\r\n';
const NOT_TAKEN = 'HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n';
/** Longest request that is read. Autocannon's has some hundred bytes. */
const MAX_HEAD_BYTES = 4096;

/**
 * A server on loopback for an HTTP load generator that cannot be trusted with an emit itself: it may not verify
 * certificates, may know only one target, or may take any answer for a good one. It gets neither the admin token nor
 * the address of the target. Each request to the relay, on any connection, is carried out as one emit on a lane of
 * that connection, the same one that every other emit of bench takes.
 */
export interface EmitRelay {
  /**
   * Takes `GET` requests without a body, one after the other on a connection. The path is a secret: another process
   * of this machine must not emit through it.
   */
  readonly url: string;
  /** Rejects at the first error that `emit` throws. */
  readonly broken: Promise<never>;
  /** Begins nothing more, waits for the emits that are under way, and closes every connection. */
  close(): Promise<void>;
}

/**
 * Opens a relay. It reads no more of HTTP than it has to: what it costs, the load generator cannot spend on load.
 *
 * @param emit emits something on the lane; whether the server took it becomes the status of the answer, 204 or 502.
 */
export async function openEmitRelay(
  target: EmitTarget,
  to: Entry,
  emit: (lane: Lane) => Promise<boolean>,
): Promise<EmitRelay> {
  const path = `/${randomBytes(32).toString('base64url')}`;
  const expected = `GET ${path} HTTP/1.1\r\n`;
  const lanes = new Map<Socket, Lane>();
  const underWay = new Set<Promise<void>>();
  let opened = 0;
  let isClosing = false;
  let fail!: (error: unknown) => void;
  const broken = new Promise<never>((_, reject) => {
    fail = reject;
  });
  broken.catch(() => {});

  const server = createServer({ noDelay: true }, (socket) => {
    const lane = openLane(partOf(target, to, opened));
    opened += 1;
    lanes.set(socket, lane);
    // The load generator went away in the middle of something; what it asked for is carried out all the same.
    socket.on('error', () => {});
    let head = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      head += text;
      if (isClosing || head.length > MAX_HEAD_BYTES) return void socket.destroy();
      if (!head.endsWith(END_OF_HEAD)) return;
      if (!head.startsWith(expected)) return void socket.destroy();
      head = '';
      const work = emit(lane)
        .then((isTaken) => void socket.write(isTaken ? TAKEN : NOT_TAKEN), fail)
        .finally(() => underWay.delete(work));
      underWay.add(work);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}${path}`,
    broken,
    async close() {
      isClosing = true;
      await Promise.all(underWay);
      const closed = once(server, 'close');
      server.close();
      for (const [socket, lane] of lanes) {
        lane.close();
        socket.destroy();
      }
      await closed;
    },
  };
}

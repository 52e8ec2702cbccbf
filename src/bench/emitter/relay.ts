import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type EmitTarget, type Lane, openLane } from './lane.js';

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
  emit: (lane: Lane) => Promise<boolean>,
): Promise<EmitRelay> {
  const path = `/${randomBytes(32).toString('base64url')}`;
  const expected = `GET ${path} HTTP/1.1\r\n`;
  const lanes = new Map<Socket, Lane>();
  const underWay = new Set<Promise<void>>();
  let isClosing = false;
  let fail!: (error: unknown) => void;
  const broken = new Promise<never>((_, reject) => {
    fail = reject;
  });
  broken.catch(() => {});

  const server = createServer({ noDelay: true }, (socket) => {
    const lane = openLane(target);
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

import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import type { TlsTrust } from '../../emit/api-client.js';
import { type HttpRefusal, readRefusal } from '../../emit/http-exchange.js';
import { OPCODE } from '../../protocol/frames.js';
import type { Upgrade } from '../../protocol/upgrade.js';
import { type FrameReaderState, readFrames } from '../fleet/frame-reader.js';
import { closeFrame, encodeClientFrame, handshakeKey, serverOf, upgradeHeaders } from '../fleet/wire.js';

/** How long a server may take to answer the upgrade. */
const ANSWER_MS = 5000;
/** How long a client stays: a server that refuses tokens one by one closes it within this time. */
const STAY_MS = 250;
/** How long the server may take to answer its close. */
const LEAVE_MS = 500;

export interface TrialClientOptions {
  readonly url: URL;
  readonly upgrade: Upgrade;
  readonly token: string | undefined;
  /** The hello that it says; `undefined` for none. */
  readonly hello: object | undefined;
  readonly tls: TlsTrust | undefined;
}

/** What a server made of one client. */
export type TrialOutcome =
  /** It was admitted, and then left. */
  | { readonly kind: 'admitted' }
  /** It got an HTTP answer that is not an upgrade. */
  | ({ readonly kind: 'answered' } & HttpRefusal)
  /** It was closed at once; 1006 without a close frame. */
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string }
  /** There was no answer in time. */
  | { readonly kind: 'silence'; readonly afterMs: number };

/**
 * Connects one client as a run would, and leaves again when the server lets it in.
 *
 * @throws what kept it from connecting: nothing listens, or TLS is not trusted.
 */
export async function tryClient(options: TrialClientOptions): Promise<TrialOutcome> {
  const { url, upgrade, token, tls } = options;
  const { isSecure, host, port, servername } = serverOf(url);
  const request = (isSecure ? https : http).request({
    host,
    port,
    path: upgrade.target(token),
    // Pairs in a row, so that names are sent as they were given.
    headers: upgradeHeaders(upgrade, handshakeKey(), token).flat(),
    setHost: false,
    agent: false,
    ...(isSecure ? { servername, ...tls } : {}),
  });
  let answered = () => {};
  try {
    return await new Promise<TrialOutcome>((resolve, reject) => {
      answered = afterPatience(ANSWER_MS, () => resolve({ kind: 'silence', afterMs: ANSWER_MS }));
      request.on('error', reject);
      request.on(
        'response',
        (response) =>
          void readRefusal(response).then((refusal) => resolve({ kind: 'answered', ...refusal }), reject),
      );
      request.on('upgrade', (_, socket: Socket, head) => {
        answered();
        void stay(socket, head, options.hello).then(resolve, reject);
      });
      request.end();
    });
  } finally {
    answered();
    request.destroy();
  }
}

/** Waits a moment for a refusal, then leaves and waits until the server has seen it. */
async function stay(socket: Socket, head: Buffer, hello: object | undefined): Promise<TrialOutcome> {
  const state: FrameReaderState = { unread: undefined, message: undefined, skipBytes: 0 };
  let isLeaving = false;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<TrialOutcome>((resolve) => {
      const onEnd = () =>
        resolve(isLeaving ? { kind: 'admitted' } : { kind: 'closed', code: 1006, reason: '' });
      const take = (chunk: Buffer) =>
        readFrames(state, chunk, {
          onText: () => true,
          onBinary() {},
          onTooLong() {},
          onPing: (payload) => socket.write(encodeClientFrame(OPCODE.pong, payload)),
          onClose(code, reason) {
            // Of two closes that cross, the server has sent its own before it saw ours.
            const isAnswer = isLeaving && (code === 1000 || code === 1005);
            if (!isAnswer) resolve({ kind: 'closed', code, reason });
            else socket.end();
          },
          // That is for the run to find out.
          onProtocolError: () => resolve({ kind: 'admitted' }),
        });
      socket.on('error', onEnd).on('close', onEnd).on('data', take);
      timer = setTimeout(() => {
        isLeaving = true;
        socket.write(closeFrame(1000));
        timer = setTimeout(() => resolve({ kind: 'admitted' }), LEAVE_MS);
      }, STAY_MS);
      if (hello !== undefined)
        socket.write(encodeClientFrame(OPCODE.text, Buffer.from(JSON.stringify(hello))));
      if (head.length > 0) take(head);
    });
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** If this process is stopped, however long, the time to answer shrinks by one step at most. */
const STEP_MS = 250;

/**
 * Calls back when an answer has been waited for long enough: `waitMs` in which this process ran, and what had come by
 * then has been read.
 *
 * @returns cancels it.
 */
export function afterPatience(waitMs: number, callback: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
  const step = (leftMs: number) => {
    timer = setTimeout(
      () => {
        if (leftMs > STEP_MS) step(leftMs - STEP_MS);
        else immediate = setImmediate(callback);
      },
      Math.min(leftMs, STEP_MS),
    );
  };
  step(waitMs);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

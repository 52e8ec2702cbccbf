import type { Socket } from 'node:net';
import WebSocket, { type RawData } from 'ws';
import type { WebSocketClient } from '../../manager/types.js';
import { ABNORMAL_CLOSURE, NO_STATUS_RECEIVED } from '../../protocol/close-codes.js';
import { encodeServerFrame, OPCODE, type PreparedMessage } from '../../protocol/frames.js';
import { unmapped } from '../limits/client-address.js';
import type { MessagePace } from '../limits/message-pace.js';
import type { InputQueue, InputSource } from './input-queue.js';
import type { Closer } from '../observer.js';
import type { Burst, Outbox, OutboxEntry } from './outbox.js';

const PING = encodeServerFrame(OPCODE.ping, Buffer.alloc(0));
const NOTHING = Buffer.alloc(0);

/** Parsed in one go. More is read in pieces, in turn with what other clients send. */
const PIECE_BYTES = 4 * 1024;
/**
 * Parsed after the close frame of the server, since a client may have sent so much before that came. What follows is
 * thrown away unread: from then on the end of the connection is waited for, and no longer a close frame.
 */
const PARSED_AFTER_CLOSE_BYTES = 4 * 1024;
/** Thrown away before the connection is terminated: more than a client that means well has under way. */
const READ_AFTER_CLOSE_BYTES = 256 * 1024;

/** Where a raw socket has its client, so that no connection carries closures of its own. */
const CLIENT = Symbol('client');

interface RawSocket extends Socket {
  [CLIENT]?: ServerSocket;
}

type Listener = (this: Socket, chunk: Buffer) => void;


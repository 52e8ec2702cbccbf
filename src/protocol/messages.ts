import { isClientId } from './identifiers.js';

/** What a client says of itself when its socket opens (DataFn reference, "hello"). */
export interface Hello {
  /** The id under which the client wants to be known; absent when it sent none that can be used. */
  readonly clientId?: string;
  /** The one cursor of older clients. */
  readonly cursor?: string;
  /** A cursor per resource, as current clients send it. */
  readonly cursors?: Readonly<Record<string, string>>;
}

/** Whom a cursor was sent to, as newer DataFn servers tell their clients. */
export interface CursorTargeting {
  readonly mode: 'targeted' | 'namespace-broadcast';
  /** Whether it was for some principals, and all clients of the namespace got it because one of them has none. */
  readonly degraded: boolean;
  /** With the mode `targeted`: those principals. */
  readonly principals?: readonly string[];
}

/** To all clients of a namespace. */
export const TO_ALL = { mode: 'namespace-broadcast', degraded: false } as const satisfies CursorTargeting;

/** The text of a cursor message: `{"type":"cursor","cursor":"42"}`, in exactly these bytes, unless it says whom it is for. */
export function encodeCursor(cursor: string, targeting?: CursorTargeting): string {
  const rest = targeting === undefined ? '' : `,"targeting":${JSON.stringify(targeting)}`;
  return `{"type":"cursor","cursor":${JSON.stringify(cursor)}${rest}}`;
}

/** A cursor message encoded at most once, however many clients it goes to. */
export class PreparedMessage {
  /** The payload, `{"type":"cursor","cursor":"…"}`. */
  readonly text: string;
  /** Kept by `frameOf`. */
  frame: Uint8Array | undefined = undefined;

  /** @param text the payload; by default, and as the contract has it, that of the cursor. */
  constructor(
    readonly cursor: string,
    targeting?: CursorTargeting,
    text: string = encodeCursor(cursor, targeting),
  ) {
    this.text = text;
  }
}

/**
 * Reads a client's message. Anything that is not a hello (junk, another type, no object) is `undefined`; a hello
 * with fields of the wrong type counts, without those fields. Never throws.
 *
 * A `namespace` in a hello is not even read: the namespace comes from authentication alone.
 */
export function parseHello(data: string): Hello | undefined {
  if (!mayBeHello(data)) return undefined;
  let message: unknown;
  try {
    message = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof message !== 'object' || message === null || !('type' in message) || message.type !== 'hello') {
    return undefined;
  }
  const { clientId, cursor, cursors } = message as Record<string, unknown>;
  return {
    ...(isClientId(clientId) ? { clientId } : {}),
    ...(typeof cursor === 'string' ? { cursor } : {}),
    ...(isRecordOfStrings(cursors) ? { cursors } : {}),
  };
}

/** Whether parsing is worthwhile. JSON may write any character as an escape, `hello` included. */
function mayBeHello(data: string): boolean {
  return /^[\t\n\r ]*\{/.test(data) && (data.includes('hello') || data.includes('\\u'));
}

function isRecordOfStrings(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((entry) => typeof entry === 'string')
  );
}

import { handshakeKey, readAnswer } from '../../bench/fleet/wire.js';
import { Upgrade, type UpgradeSettings } from '../../protocol/upgrade.js';

/** What a peer asks for. */
export interface HandshakeOptions {
  readonly url: string;
  readonly upgrade: UpgradeSettings;
  readonly token: string | undefined;
  /** Default GET. */
  readonly method?: string;
  /** Other values for headers of the handshake, or more headers; `undefined` leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** An upgrade request, right or wrong. */
export class Handshake {
  readonly text: string;
  readonly #key = handshakeKey();
  readonly #offered: readonly string[];

  constructor({ url, upgrade, token, method = 'GET', headers = {} }: HandshakeOptions) {
    const asked = new Upgrade(url, upgrade);
    this.#offered = asked.subprotocols(token);
    const all = new Map<string, string | undefined>([
      ...asked.headers(token),
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['Sec-WebSocket-Key', this.#key],
      ['Sec-WebSocket-Version', '13'],
      ...Object.entries(headers),
    ]);
    const lines = [...all].flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
    this.text = [`${method} ${asked.target(token)} HTTP/1.1`, ...lines, '', ''].join('\r\n');
  }

  /** Reads the answer from what has come so far; `undefined` while its head is incomplete. */
  read(bytes: Buffer): HandshakeAnswer | undefined {
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const head = bytes.toString('latin1', 0, end);
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0);
    const judged = readAnswer(bytes, this.#key, this.#offered);
    return {
      head,
      status,
      breach: status === 101 && judged.kind === 'invalid' ? (judged.breach ?? judged.code) : undefined,
      rest: bytes.subarray(end + 4),
    };
  }
}

/** What a server made of a handshake. */
export interface HandshakeAnswer {
  readonly head: string;
  /** The HTTP status; 0 for an answer that is not HTTP. */
  readonly status: number;
  /** How a 101 breaks RFC 6455; an offered extension is not looked at. */
  readonly breach: string | undefined;
  /** What came behind the head. */
  readonly rest: Buffer;
}

/** A header of an answer; `undefined` where there is none. */
export function headerOf(head: string, name: string): string | undefined {
  const line = head.split('\r\n').find((one) => one.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return line?.slice(name.length + 1).trim();
}

import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Waiters, within } from './deadline.js';

/** What a {@link RawClient} asks for, and what it does by itself. */
export interface RawClientOptions {
  /** Sent as `?token=`. */
  readonly token?: string;
  /** More headers, or other values for those of the handshake; `undefined` leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly method?: string;
  /** The address that it connects from. */
  readonly localAddress?: string;
  /** Whether it asks for the upgrade by itself. Default true; otherwise when {@link RawClient.ask} is called. */
  readonly asks?: boolean;
  /** Whether a close frame of the server is answered. Default true. */
  readonly answersClose?: boolean;
  /** Whether frames are read; otherwise there are only the `chunks`, which may be any bytes. Default true. */
  readonly readsFrames?: boolean;
  /** Whether pings are answered. Default true. */
  readonly answersPing?: boolean;
}

/** A close frame as it came. */
export interface CloseFrame {
  readonly code: number;
  readonly reason: string;
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const MASK = Buffer.from([0x12, 0x34, 0x56, 0x78]);
const TEXT = 0x1;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;

/** One masked, final frame of a client (RFC 6455 section 5.2). */
function clientFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const extended = Buffer.alloc(length < 126 ? 0 : length < 65_536 ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(length);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length));
  const lengthByte = length < 126 ? length : length < 65_536 ? 126 : 127;
  const masked = payload.map((byte, index) => byte ^ (MASK[index % 4] as number));
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | lengthByte]), extended, MASK, masked]);
}

/**
 * A WebSocket client on a bare TCP socket, or for `wss:` one with TLS, whatever the certificate. It shares no code with the product or with `ws`, it is cheap enough for
 * ten thousand of them, and it can misbehave: stop reading, leave a close unanswered, reset.
 */
export class RawClient {
  /** The head of the server's answer. */
  head = '';
  /** The status of the server's answer; 0 until there is one. */
  status = 0;
  /** The body of an answer that was not 101. */
  body = '';
  /** What came after the handshake, as the reads from the socket cut it. */
  readonly chunks: Buffer[] = [];
  /** Text messages, in order. */
  readonly texts: string[] = [];
  /** Every opcode that came, in order. */
  readonly opcodes: number[] = [];
  pings = 0;
  closeFrame: CloseFrame | undefined;
  /** How the socket ended: `undefined` while it lives, `reset` by an error, `end` otherwise. */
  ended: 'end' | 'reset' | undefined;
  readonly socket: Socket;
  readonly #options: RawClientOptions;
  readonly #waiters = new Waiters();
  readonly #request: string;
  #unread: Buffer = Buffer.alloc(0);

  /** Begins to connect, and asks for the upgrade unless told not to. */
  constructor(wsUrl: string, options: RawClientOptions = {}) {
    this.#options = options;
    const url = new URL(wsUrl);
    if (options.token !== undefined) url.searchParams.set('token', options.token);
    const where = { port: Number(url.port), host: url.hostname, localAddress: options.localAddress };
    this.socket =
      url.protocol === 'wss:' ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
    this.socket.setNoDelay(true);
    const headers = {
      Host: url.host,
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Key': KEY,
      'Sec-WebSocket-Version': '13',
      ...options.headers,
    };
    const lines = Object.entries(headers).filter(([, value]) => value !== undefined);
    this.#request = [
      `${options.method ?? 'GET'} ${url.pathname}${url.search} HTTP/1.1`,
      ...lines.map(([name, value]) => `${name}: ${value}`),
      '\r\n',
    ].join('\r\n');
    if (options.asks ?? true) this.ask();
    this.socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.socket.on('error', () => {
      this.ended = 'reset';
    });
    this.socket.on('close', () => {
      this.ended ??= 'end';
      this.#waiters.changed();
    });
  }

  /** Connects; resolves when the server has answered the handshake, whatever it said. */
  static async connect(wsUrl: string, options: RawClientOptions = {}): Promise<RawClient> {
    const client = new RawClient(wsUrl, options);
    await client.until(() => client.status !== 0 || client.ended !== undefined, 'an answer to the handshake');
    if (client.status === 0) throw new Error('The connection ended before the handshake was answered');
    return client;
  }

  /** Connects and insists on being let in; a close frame may still follow. */
  static async open(wsUrl: string, options: RawClientOptions = {}): Promise<RawClient> {
    const client = await RawClient.connect(wsUrl, options);
    if (client.status !== 101) throw new Error(`Expected 101, got ${client.status}: ${client.body}`);
    // A proxy may write the names of headers in another case.
    if (!client.head.toLowerCase().includes(`sec-websocket-accept: ${ACCEPT.toLowerCase()}`))
      throw new Error(`Wrong key in ${client.head}`);
    return client;
  }

  /** Asks for the upgrade. */
  ask(): void {
    this.socket.write(this.#request);
  }

  /** The end of this connection that is ours: what the server knows as the remote port. */
  get localPort(): number {
    return this.socket.localPort ?? 0;
  }

  get isOpen(): boolean {
    return this.status === 101 && this.closeFrame === undefined && this.ended === undefined;
  }

  /** Resolves when `isMet` is true; looked at after each event of this client. */
  until(isMet: () => boolean, what: string, ms?: number): Promise<void> {
    return this.#waiters.until(isMet, () => `${what} (${JSON.stringify(this.summary())})`, ms);
  }

  /** Resolves with the texts when there are at least `count`. */
  async received(count: number, ms?: number): Promise<readonly string[]> {
    await this.until(() => this.texts.length >= count, `${count} messages`, ms);
    return this.texts;
  }

  /** Resolves with the server's close frame. */
  async closed(ms?: number): Promise<CloseFrame> {
    await this.until(() => this.closeFrame !== undefined || this.ended !== undefined, 'a close frame', ms);
    if (this.closeFrame === undefined) throw new Error(`Ended without a close frame: ${this.ended}`);
    return this.closeFrame;
  }

  /** Resolves when the socket is gone, with how it went. */
  async gone(ms?: number): Promise<'end' | 'reset'> {
    await this.until(() => this.ended !== undefined, 'the end of the connection', ms);
    return this.ended as 'end' | 'reset';
  }

  say(text: string): void {
    this.sendFrame(TEXT, Buffer.from(text));
  }

  sendFrame(opcode: number, payload: Buffer = Buffer.alloc(0)): void {
    this.socket.write(clientFrame(opcode, payload));
  }

  /** Starts the closing handshake. */
  close(code = 1000, reason = ''): void {
    const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
    payload.writeUInt16BE(code);
    payload.write(reason, 2);
    this.sendFrame(CLOSE, payload);
  }

  /** Resolves when the server has answered a ping, so that it has read all that was sent before. */
  async roundTrip(): Promise<void> {
    const pongs = this.opcodes.filter((opcode) => opcode === PONG).length;
    this.sendFrame(PING, Buffer.from('?'));
    await this.until(() => this.opcodes.filter((opcode) => opcode === PONG).length > pongs, 'a pong');
  }

  /** Stops reading: the server's buffers fill up. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Ends the connection with a TCP reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Ends the connection without a word. */
  async destroy(): Promise<void> {
    this.socket.destroy();
    await this.gone();
  }

  /** What a failed test wants to know. */
  summary(): Record<string, unknown> {
    const { status, ended, closeFrame, texts } = this;
    return { status, ended, closeFrame, texts: texts.length, last: texts.at(-1) };
  }

  #read(chunk: Buffer): void {
    if (this.status === 101) {
      this.chunks.push(chunk);
      if (this.#options.readsFrames ?? true) this.#readFrames(chunk);
    } else {
      this.#readHead(chunk);
    }
    this.#waiters.changed();
  }

  #readHead(chunk: Buffer): void {
    if (this.status !== 0) {
      this.body += chunk.toString();
      return;
    }
    this.#unread = Buffer.concat([this.#unread, chunk]);
    const end = this.#unread.indexOf('\r\n\r\n');
    if (end === -1) return;
    this.head = this.#unread.toString('latin1', 0, end);
    this.status = Number(/^HTTP\/1\.1 (\d{3})/.exec(this.head)?.[1] ?? -1);
    const rest = this.#unread.subarray(end + 4);
    this.#unread = Buffer.alloc(0);
    if (rest.length > 0) this.#read(rest);
  }

  #readFrames(chunk: Buffer): void {
    const bytes = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    let at = 0;
    for (;;) {
      if (bytes.length - at < 2) break;
      const lengthByte = bytes.readUInt8(at + 1);
      const headerLength = lengthByte < 126 ? 2 : lengthByte === 126 ? 4 : 10;
      if (bytes.length - at < headerLength) break;
      const length =
        headerLength === 2
          ? lengthByte
          : headerLength === 4
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      const start = at + headerLength;
      if (bytes.length - start < length) break;
      this.#take(bytes.readUInt8(at), bytes.subarray(start, start + length));
      at = start + length;
    }
    this.#unread = Buffer.from(bytes.subarray(at));
  }

  #take(firstByte: number, payload: Buffer): void {
    // The server sends whole messages, uncompressed: no reserved bit is set, and each frame is final.
    if ((firstByte & 0xf0) !== 0x80) throw new Error(`Not a whole, plain frame: ${firstByte.toString(16)}`);
    const opcode = firstByte & 0x0f;
    this.opcodes.push(opcode);
    if (opcode === TEXT) {
      this.texts.push(payload.toString());
    } else if (opcode === PING) {
      this.pings += 1;
      if (this.#options.answersPing ?? true) this.sendFrame(PONG, Buffer.from(payload));
    } else if (opcode === CLOSE) {
      this.closeFrame = {
        code: payload.length < 2 ? 1005 : payload.readUInt16BE(0),
        reason: payload.toString('utf8', 2),
      };
      if (this.#options.answersClose ?? true) this.sendFrame(CLOSE, Buffer.from(payload.subarray(0, 2)));
    }
  }
}

/** Connects many clients, at most `atOnce` handshakes at a time; resolves when each has been answered. */
export async function openMany(
  wsUrl: string,
  tokens: readonly string[],
  { atOnce = 200 }: { readonly atOnce?: number } = {},
): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  let next = 0;
  const work = async () => {
    while (next < tokens.length) {
      const index = next++;
      clients[index] = await RawClient.open(wsUrl, { token: tokens[index] });
    }
  };
  await within(
    Promise.all(Array.from({ length: atOnce }, work)),
    `${tokens.length} clients to open`,
    100_000,
  );
  return clients;
}

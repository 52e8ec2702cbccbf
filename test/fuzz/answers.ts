/** As much of a body as is kept. */
const KEPT_BYTES = 64 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');

/** One HTTP answer. */
export interface HttpAnswer {
  readonly status: number;
  /** Status line and headers. */
  readonly head: string;
  /** The beginning of the body, one character a byte. */
  readonly body: string;
}

/**
 * What a server has answered on one connection: HTTP answers, and after a 101 frames. It shares no code with the
 * product, and it is strict: an answer that is not well formed is a fault of the server.
 */
export class Answers {
  readonly http: HttpAnswer[] = [];
  /** Pongs to pings of one byte. */
  pongs = 0;
  /** The first close frame. */
  close: { readonly code: number; readonly reason: string } | undefined;
  /** What came and is neither HTTP nor a frame. */
  broken: string | undefined;
  #unread: Buffer = Buffer.alloc(0);

  /** @param heads which requests, counted from 0, are a HEAD: their answers declare a body that they have not. */
  constructor(private readonly heads?: ReadonlySet<number>) {}

  get isUpgraded(): boolean {
    return this.http.at(-1)?.status === 101;
  }

  /** Whether nothing more will come: of HTTP, when the newest answer says so (RFC 9112 section 9.6). */
  get isLast(): boolean {
    return this.close !== undefined || /\r\nconnection: close/i.test(this.http.at(-1)?.head ?? '');
  }

  /** The status of each HTTP answer, in order. */
  get statuses(): readonly number[] {
    return this.http.map(({ status }) => status);
  }

  add(chunk: Buffer): void {
    if (this.broken !== undefined) return;
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    while (this.#unread.length > 0 && (this.isUpgraded ? this.#readFrame() : this.#readHttp())) {
      // One after the other.
    }
  }

  #readHttp(): boolean {
    const bytes = this.#unread;
    if (!'HTTP/1.1 '.startsWith(bytes.toString('latin1', 0, Math.min(9, bytes.length)))) {
      this.broken = bytes.toString('latin1', 0, 200);
      return false;
    }
    const end = bytes.indexOf(HEAD_END);
    if (end === -1) return false;
    const head = bytes.toString('latin1', 0, end);
    const status = Number(head.slice(9, 12));
    const start = end + HEAD_END.length;
    const length =
      this.heads?.has(this.http.length) && status === 200
        ? 0
        : bodyLength(head, status, bytes.subarray(start));
    if (length === undefined || bytes.length < start + length) return false;
    this.http.push({
      status,
      head,
      body: bytes.toString('latin1', start, start + Math.min(length, KEPT_BYTES)),
    });
    this.#unread = bytes.subarray(start + length);
    return true;
  }

  #readFrame(): boolean {
    const bytes = this.#unread;
    if (bytes.length < 2) return false;
    const [first = 0, second = 0] = bytes;
    // Whole, unmasked, without reserved bits.
    if ((first & 0xf0) !== 0x80 || second > 127 || ![0x1, 0x8, 0x9, 0xa].includes(first & 0x0f)) {
      this.broken = `a frame that begins with ${bytes.toString('hex', 0, 16)}`;
      return false;
    }
    const extended = second < 126 ? 0 : second === 126 ? 2 : 8;
    if (bytes.length < 2 + extended) return false;
    const length =
      extended === 0 ? second : extended === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    const start = 2 + extended;
    if (bytes.length < start + length) return false;
    if (first === 0x88) {
      this.close ??=
        length < 2
          ? { code: 1005, reason: '' }
          : { code: bytes.readUInt16BE(start), reason: bytes.toString('utf8', start + 2, start + length) };
    }
    if (first === 0x8a && length === 1) this.pongs += 1;
    this.#unread = bytes.subarray(start + length);
    return true;
  }
}

/** How long the body behind a head is; `undefined` while that is not known. */
function bodyLength(head: string, status: number, rest: Buffer): number | undefined {
  if (status < 200 || status === 204 || status === 304) return 0;
  const declared = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  // The answer to a HEAD declares a body that it has not. No body of ours begins like an answer.
  if (declared !== undefined) return rest.toString('latin1', 0, 9) === 'HTTP/1.1 ' ? 0 : Number(declared);
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return 0;
  const end = rest.indexOf('0\r\n\r\n');
  return end === -1 ? undefined : end + 5;
}

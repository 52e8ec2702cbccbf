import { once } from 'node:events';
import type { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as ws from 'ws';
import { encodeServerFrame, frameOf, OPCODE } from '../../src/protocol/frames.js';
import { PreparedMessage } from '../../src/protocol/messages.js';

// The parser that real clients use. It is exported by `ws`, and missing in its types.
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable };

interface Frame {
  readonly fin: boolean;
  readonly reserved: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly headerLength: number;
  readonly payload: Buffer;
}

/** RFC 6455 section 5.2, read by hand. */
function decode(frame: Buffer): Frame {
  const first = frame.readUInt8(0);
  const second = frame.readUInt8(1);
  const short = second & 0x7f;
  const headerLength = short === 126 ? 4 : short === 127 ? 10 : 2;
  const length =
    short === 126 ? frame.readUInt16BE(2) : short === 127 ? Number(frame.readBigUInt64BE(2)) : short;
  const payload = frame.subarray(headerLength);
  expect(payload).toHaveLength(length);
  return {
    fin: (first & 0x80) !== 0,
    reserved: (first >> 4) & 0x7,
    opcode: first & 0xf,
    masked: (second & 0x80) !== 0,
    headerLength,
    payload,
  };
}

async function receive(frame: Buffer): Promise<{ text: string; isBinary: boolean }> {
  const receiver = new Receiver({ isServer: false });
  const message = once(receiver, 'message');
  receiver.write(frame);
  const [data, isBinary] = await message;
  return { text: String(data), isBinary };
}

describe('encodeServerFrame', () => {
  test.each([
    [0, 2],
    [1, 2],
    [125, 2],
    [126, 4],
    [127, 4],
    [65_535, 4],
    [65_536, 10],
    [1_000_000, 10],
  ])(
    'a payload of %i bytes gets a header of %i, and the parser of ws reads it back',
    async (length, headerLength) => {
      const payload = Buffer.alloc(length, 'x');
      const frame = encodeServerFrame(OPCODE.text, payload);
      expect(frame).toHaveLength(headerLength + length);
      const decoded = decode(frame);
      expect(decoded).toMatchObject({ fin: true, reserved: 0, opcode: 1, masked: false, headerLength });
      expect(decoded.payload.equals(payload)).toBe(true);
      expect(await receive(frame)).toEqual({ text: payload.toString(), isBinary: false });
    },
  );

  test('any payload with any opcode comes back as it was', () => {
    const opcodeArb = fc.constantFrom(...Object.values(OPCODE));
    fc.assert(
      fc.property(opcodeArb, fc.uint8Array({ maxLength: 400 }), (opcode, bytes) => {
        const decoded = decode(encodeServerFrame(opcode, Buffer.from(bytes)));
        expect(decoded).toMatchObject({ fin: true, reserved: 0, opcode, masked: false });
        expect([...decoded.payload]).toEqual([...bytes]);
      }),
    );
  });

  test('the frame is a copy: what happens to the payload later does not change it', () => {
    const payload = Buffer.from('abc');
    const frame = encodeServerFrame(OPCODE.text, payload);
    payload.fill('x');
    expect(decode(frame).payload.toString()).toBe('abc');
  });

  test('the opcodes are those of RFC 6455', () => {
    expect(OPCODE).toEqual({ continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 });
  });
});

describe('PreparedMessage', () => {
  test('the frame is the text message of the cursor, byte for byte', () => {
    const message = new PreparedMessage('42');
    expect(message.cursor).toBe('42');
    expect(message.text).toBe('{"type":"cursor","cursor":"42"}');
    expect(Buffer.from(frameOf(message)).toString('latin1')).toBe('\x81\x1f{"type":"cursor","cursor":"42"}');
  });

  test('a cursor of any text arrives as that text, its length counted in bytes of UTF-8', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (cursor) => {
        const { text, isBinary } = await receive(Buffer.from(frameOf(new PreparedMessage(cursor))));
        expect(isBinary).toBe(false);
        expect(JSON.parse(text)).toEqual({ type: 'cursor', cursor });
      }),
    );
  });

  test('it is encoded at most once', () => {
    const message = new PreparedMessage('42');
    expect(frameOf(message)).toBe(frameOf(message));
  });
});

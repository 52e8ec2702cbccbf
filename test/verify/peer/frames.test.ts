import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OPCODE } from '../../../src/protocol/frames.js';
import {
  closePayload,
  encodeFrame,
  type Frame,
  FrameDecoder,
  type FrameShape,
  hex,
} from '../../../src/verify/peer/frames.js';

describe('frames', () => {
  /** Encodes frames, cuts the bytes, and checks what comes back. */
  function expectBack(
    frames: readonly (readonly [opcode: number, length: number, FrameShape])[],
    cut: number,
  ) {
    const sent = frames.map(([opcode, length, shape]) => ({
      opcode,
      shape,
      payload: Buffer.alloc(length, 0xa5),
    }));
    const bytes = Buffer.concat(sent.map((one) => encodeFrame(one.opcode, one.payload, one.shape)));
    const decoder = new FrameDecoder();
    const got: Frame[] = [];
    for (let at = 0; at < bytes.length; at += cut) got.push(...decoder.push(bytes.subarray(at, at + cut)));
    expect(decoder.unread).toHaveLength(0);
    expect(got).toHaveLength(sent.length);
    for (const [index, { opcode, shape, payload }] of sent.entries()) {
      expect(got[index]).toMatchObject({ opcode, ...shape });
      expect(got[index]?.payload.equals(payload)).toBe(true);
    }
    expect(Buffer.concat(got.map((frame) => frame.bytes)).equals(bytes)).toBe(true);
  }

  const SHAPE = fc.record({
    isFinal: fc.boolean(),
    reservedBits: fc.integer({ min: 0, max: 7 }),
    isMasked: fc.boolean(),
  });
  const frames = (...lengths: readonly number[]) =>
    fc.array(fc.tuple(fc.integer({ min: 0, max: 15 }), fc.constantFrom(...lengths), SHAPE), { maxLength: 4 });

  test('come back as they were sent, of any shape, however the bytes are cut', () => {
    const cut = fc.integer({ min: 1, max: 300 });
    fc.assert(fc.property(frames(0, 1, 125, 126, 127, 300), cut, expectBack));
  });

  test('come back as they were sent, of any length', () => {
    for (const length of [65_534, 65_535, 65_536]) expectBack([[2, length, { isMasked: true }]], 10_000);
  });

  test('are the bytes of RFC 6455 section 5.7', () => {
    const hello = Buffer.from('Hello');
    expect(hex(encodeFrame(OPCODE.text, hello))).toBe('81 85 37 fa 21 3d 7f 9f 4d 51 58');
    expect(hex(encodeFrame(OPCODE.text, hello, { isMasked: false }))).toBe('81 05 48 65 6c 6c 6f');
    expect(hex(encodeFrame(OPCODE.text, Buffer.from('Hel'), { isMasked: false, isFinal: false }))).toBe(
      '01 03 48 65 6c',
    );
  });

  test('a length in more bytes than it needs is noticed', () => {
    const [frame] = new FrameDecoder().push(Buffer.from([0x81, 126, 0, 1, 0x41]));
    expect(frame).toMatchObject({ isPadded: true, payload: Buffer.from('A') });
  });

  test('a close has its code in front of its reason', () => {
    expect(hex(closePayload(4503, 'no'))).toBe('11 97 6e 6f');
  });

  test('many bytes are shown by their beginning and their number', () => {
    expect(hex(Buffer.alloc(40))).toMatch(/^(00 ){32}… \(40 bytes\)$/);
  });
});

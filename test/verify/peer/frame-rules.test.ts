import { describe, expect, test } from 'vitest';
import { OPCODE } from '../../../src/protocol/frames.js';
import { FrameRules } from '../../../src/verify/peer/frame-rules.js';
import { closePayload, encodeFrame, FrameDecoder, type FrameShape } from '../../../src/verify/peer/frames.js';

/** A frame of a server. */
const frame = (opcode: number, payload: Buffer | string = '', shape: FrameShape = {}) =>
  encodeFrame(opcode, Buffer.from(payload as string), { isMasked: false, ...shape });

/** What the rules say of the frames in these bytes. */
function breaches(...bytes: readonly Buffer[]): (string | undefined)[] {
  const rules = new FrameRules();
  return new FrameDecoder().push(Buffer.concat(bytes)).map((one) => rules.breachOf(one));
}

const NOT_UTF8 = Buffer.from([0xc3, 0x28]);
const UMLAUT = Buffer.from('ü');

describe('the rules for frames of a server', () => {
  test.each<[string, Buffer[]]>([
    ['a text', [frame(OPCODE.text, '{}')]],
    ['a binary message that is not UTF-8', [frame(OPCODE.binary, NOT_UTF8)]],
    [
      'a fragmented text with a ping in between, cut within a character',
      [
        frame(OPCODE.text, UMLAUT.subarray(0, 1), { isFinal: false }),
        frame(OPCODE.ping, 'x'),
        frame(OPCODE.continuation, UMLAUT.subarray(1)),
      ],
    ],
    ['a close without a code', [frame(OPCODE.close)]],
    ['a close with a code of our own', [frame(OPCODE.close, closePayload(4503, 'full'))]],
  ])('allow %s', (_, bytes) => {
    expect(breaches(...bytes).filter((one) => one !== undefined)).toEqual([]);
  });

  test.each<[string, RegExp, Buffer[]]>([
    ['a mask', /masked/, [frame(OPCODE.text, '{}', { isMasked: true })]],
    ['a reserved bit', /reserved bit/, [frame(OPCODE.text, '{}', { reservedBits: 4 })]],
    ['a reserved opcode', /opcode 3/, [frame(3)]],
    ['a length that is too long', /more bytes/, [Buffer.from([0x81, 126, 0, 1, 0x41])]],
    ['a fragmented ping', /fragmented control/, [frame(OPCODE.ping, '', { isFinal: false })]],
    ['a long ping', /125 bytes/, [frame(OPCODE.ping, Buffer.alloc(126))]],
    ['a continuation of nothing', /of nothing/, [frame(OPCODE.continuation)]],
    [
      'a message within a message',
      /within a fragmented/,
      [frame(OPCODE.text, '', { isFinal: false }), frame(OPCODE.text)],
    ],
    ['a text that is not UTF-8', /not UTF-8/, [frame(OPCODE.text, NOT_UTF8)]],
    ['half a close code', /half a code/, [frame(OPCODE.close, Buffer.from([3]))]],
    ['a close code for the inside', /1006/, [frame(OPCODE.close, closePayload(1006))]],
    ['a close reason that is not UTF-8', /not UTF-8/, [frame(OPCODE.close, closePayload(1000, NOT_UTF8))]],
    ['a frame after a close', /after its close/, [frame(OPCODE.close), frame(OPCODE.text, '{}')]],
  ])('find %s', (_, expected, bytes) => {
    expect(breaches(...bytes).at(-1)).toMatch(expected);
  });
});

const FIN = 0x80;

/** Frame opcodes of RFC 6455 section 5.2. */
export const OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** Encodes one unmasked, final frame as a server sends it (RFC 6455 section 5.2). */
export function encodeServerFrame(opcode: number, payload: Buffer): Buffer {
  const length = payload.length;
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafeSlow(headerLength + length);
  frame[0] = FIN | opcode;
  if (headerLength === 2) {
    frame[1] = length;
  } else if (headerLength === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  payload.copy(frame, headerLength);
  return frame;
}

/** The whole unmasked text frame of a message, encoded once, for a transport that writes to the socket itself. */
export function frameOf(message: { readonly text: string; frame: Uint8Array | undefined }): Uint8Array {
  message.frame ??= encodeServerFrame(OPCODE.text, Buffer.from(message.text));
  return message.frame;
}

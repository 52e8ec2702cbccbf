import { OPCODE } from '../../protocol/frames.js';
import type { MalformedKind } from '../behaviors/behaviors.js';
import type { BenchClient } from './bench-client.js';
import { encodeClientFrame } from './wire.js';

/** One byte more than a DataFn server takes. */
const OVERSIZED = 64 * 1024 + 1;

/** What a client of its behavior does when its connection has opened, besides saying hello. */
export function conduct(client: BenchClient): void {
  const { behavior, settings } = client.cohort.cohort;
  switch (behavior) {
    case 'slow-reader':
      if (settings.pauseMs > 0) {
        client.pauseReading();
        client.later(settings.pauseMs, () => client.resumeReading());
      }
      return;
    case 'half-open':
      client.goDead();
      return;
    case 'resetting':
      client.later(client.random() * settings.resetAfterMs, () => client.end('reset'));
      return;
    case 'malformed':
      client.writeRaw(malformed(settings.kinds[client.index % settings.kinds.length] as MalformedKind));
      return;
    case 'flapping':
      if (settings.dropEveryMs > 0) {
        // Evenly from half to one and a half: a mean, without the long tail of an exponential.
        client.later((0.5 + client.random()) * settings.dropEveryMs, () => client.end('close'));
      }
  }
}

function malformed(kind: MalformedKind): Buffer {
  switch (kind) {
    case 'invalid-json':
      return encodeClientFrame(OPCODE.text, Buffer.from('{"type":"hello","clientId":'));
    case 'wrong-types':
      return encodeClientFrame(
        OPCODE.text,
        Buffer.from('{"type":"hello","clientId":{"a":[]},"cursors":7,"namespace":1}'),
      );
    case 'binary':
      return encodeClientFrame(OPCODE.binary, Buffer.from('{"type":"hello","clientId":"binary"}'));
    case 'invalid-utf8':
      return encodeClientFrame(OPCODE.text, Buffer.from([0x7b, 0xff, 0xfe, 0xc0, 0x7d]));
    case 'unmasked':
      return Buffer.from([0x80 | OPCODE.text, 2, 0x7b, 0x7d]);
    case 'oversized':
      return encodeClientFrame(OPCODE.text, Buffer.alloc(OVERSIZED, 0x20));
  }
}

import { mutate } from '../mutate.js';
import type { Random } from '../random.js';
import { handshake } from './handshakes.js';
import { apiRequest } from './requests.js';

const FOREIGN_PROTOCOLS = [
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
  Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'),
  Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n\r\n'),
  Buffer.from('GET /\r\n'),
  Buffer.from('\r\n\r\n\r\n'),
  Buffer.from([0x05, 0x01, 0x00]),
  Buffer.from([0x81, 0x85, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
];

export function rawInput(random: Random): Buffer {
  switch (random.below(4)) {
    case 0:
      return random.bytes(1 + random.length(4096));
    case 1:
      return mutate(random, random.pick(FOREIGN_PROTOCOLS));
    case 2:
      return mutate(random, Buffer.from(handshake(['GET /datafn/ws?token=fuzz HTTP/1.1'])), 40);
    default:
      return mutate(random, apiRequest(random, 'POST /v1/cursors HTTP/1.1', Buffer.from('{}'), []), 40);
  }
}

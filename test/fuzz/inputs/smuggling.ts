import type { Random } from '../random.js';

/** What is hidden behind a request: it must never be taken for one. */
const HIDDEN_BODY = '{"namespace":"healthy:0","cursor":"999"}';
const HIDDEN = `POST /v1/cursors HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${HIDDEN_BODY.length}\r\n\r\n${HIDDEN_BODY}`;
const ENDS = ['0\r\n\r\n', '0\r\n\r\n', '1\r\nZ\r\n0\r\n\r\n'];

const OBFUSCATED = [
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: gzip, chunked, x',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding\t: chunked',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding: chunked;x=y',
  'Transfer-Encoding:\u000bchunked',
  'Transfer-Encoding: chunk',
  'X: y\r\n Transfer-Encoding: chunked',
];
const LENGTHS = ['+2', '-1', '0x2', '2,2', '2, 3', '2 2', '', '1e1', '٢', '99999999999999999999', '2;'];
const CHUNK_SIZES = [
  '-1',
  '+1',
  '0x1',
  'g',
  ' 1',
  '1 ',
  '',
  '1\n',
  'ffffffffffffffffff',
  '00000000000000000001 x',
];

/**
 * A request whose end two readers could see in different places (RFC 9112 sections 6.1, 6.3 and 7.1), with another one
 * behind it. The only right answer is 400, and the end of the connection.
 */
export function ambiguousRequest(random: Random): Buffer {
  const request = (headers: readonly string[], body: string) =>
    Buffer.from(
      `${['POST /v1/cursors HTTP/1.1', 'Host: 127.0.0.1', 'Content-Type: application/json', ...headers].join('\r\n')}\r\n\r\n${body}`,
    );
  const end = random.pick(ENDS);
  switch (random.below(6)) {
    case 0:
      return request(
        [`Content-Length: ${end.length + HIDDEN.length}`, 'Transfer-Encoding: chunked'],
        end + HIDDEN,
      );
    case 1:
      return request(['Transfer-Encoding: chunked', `Content-Length: ${random.below(9)}`], end + HIDDEN);
    case 2:
      return request(['Content-Length: 2', `Content-Length: ${2 + HIDDEN.length}`], `{}${HIDDEN}`);
    case 3:
      return request([`Content-Length: ${random.pick(LENGTHS)}`], `{}${HIDDEN}`);
    case 4:
      return request([random.pick(OBFUSCATED), 'Content-Length: 5'], end + HIDDEN);
    default:
      return request(
        ['Transfer-Encoding: chunked'],
        `${random.pick(CHUNK_SIZES)}\r\nZ\r\n0\r\n\r\n${HIDDEN}`,
      );
  }
}

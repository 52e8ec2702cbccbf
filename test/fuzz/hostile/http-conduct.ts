import { json } from '../inputs/messages.js';
import { mutate } from '../mutate.js';
import type { Random } from '../random.js';
import { type Asked, answer, type Conduct, type Repertoire, SECRET, text } from './conduct.js';

const JSON_TYPE = 'Content-Type: application/json';
const PROBLEM_TYPE = 'Content-Type: application/problem+json';
/** Of a terminal, of GitHub's log, of what turns a text around. */
const WORDS = [
  '\u001b[2J\u001b]0;x\u0007',
  '\u009b31m',
  '::error::x',
  '\u202e',
  '\u0000',
  '\r\n\r\nX',
  SECRET,
];

/** What a server answers to `POST /v1/cursors`, `GET /v1/stats` and whatever else. */
export const HTTP_CONDUCT: Repertoire = [
  [40, (random, asked) => keep('right', random, rightAnswer(asked))],
  [20, (random, asked) => keep('mutated', random, mutate(random, rightAnswer(asked), 8))],
  [15, (random) => keep('junk', random, random.bytes(1 + random.length(5000)))],
  [60, (random) => keep('status line', random, statusLine(random))],
  [60, (random, asked) => keep('json', random, wrongJson(random, asked))],
  [60, (random) => keep('problem', random, problem(random))],
  [40, (random, asked) => keep('length', random, wrongLength(random, asked))],
  [40, (random, asked) => keep('redirect', random, redirect(random, asked))],
  [30, (random, asked) => interim(random, asked)],
  [60, (random, asked) => brokenOff(random, asked)],
  [2, (random) => keep('huge', random, answer('200 OK', Buffer.alloc(random.from(1, 20) * 2 ** 20, '[')))],
  [4, (random, asked) => endless(random, asked)],
];

function keep(kind: string, random: Random, bytes: Buffer): Conduct {
  const at = random.below(bytes.length + 1);
  const pieces = random.chance(0.3) ? [bytes.subarray(0, at), bytes.subarray(at)] : [bytes];
  return { kind, pieces, ending: random.pick(['keep', 'end', 'end', 'reset']) };
}

function rightAnswer({ head, body }: Asked): Buffer {
  if (head.startsWith('GET'))
    return answer('200 OK', '{"connections":0,"accepted":0,"closed":{}}', JSON_TYPE);
  return answer('200 OK', JSON.stringify({ results: resultsFor(body) }), JSON_TYPE);
}

function resultsFor(body: string): object[] {
  const emissions: unknown = JSON.parse(body === '' ? '[]' : body);
  return (Array.isArray(emissions) ? emissions : [emissions]).map((one) => ({ ...one, delivered: 1 }));
}

function statusLine(random: Random): Buffer {
  const line = random.pick([
    'HTTP/1.1 999 X',
    'HTTP/1.1 000 X',
    'HTTP/1.1 20 X',
    'HTTP/1.1 2000 X',
    'HTTP/1.1 -1 X',
    'HTTP/9.9 200 OK',
    'HTTP/1.0 200 OK',
    'HTTP/1.1 200',
    'HTTP/1.1',
    'ICY 200 OK',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade',
    'HTTP/1.1 204 No Content',
    'HTTP/1.1 304 Not Modified',
    'HTTP/1.1 407 Proxy\r\nProxy-Authenticate: Basic',
    `HTTP/1.1 500 ${random.pick(WORDS)}`,
    `HTTP/1.1 400 ${'x'.repeat(random.from(1000, 70_000))}`,
    '',
  ]);
  return text(line, 'Content-Length: 0', '', '');
}

function wrongJson(random: Random, { body }: Asked): Buffer {
  const results = resultsFor(body.startsWith('[') ? body : '[]');
  const count = random.pick(['-1', '1e999', '"1"', '0.5', 'null', '9007199254740993', '{}', '[]', 'true']);
  const wrong = random.pick([
    () => json(random, 4),
    () => `{"results":${json(random, 3)}}`,
    () => `{"results":${JSON.stringify([...results, ...results])}}`,
    () => `{"results":[{"namespace":"a","cursor":"1","delivered":${count}}]}`,
    () => `{"connections":${count},"accepted":${count},"closed":{"1000":${count},"x":1},"uptimeMs":${count}}`,
    () =>
      `{"connections":1,"process":{"pid":${count},"rssBytes":${count},"cpuMs":${count}},"highestCursor":${count}}`,
    () => `{"__proto__":{"results":[]},"results":${JSON.stringify(results)},"then":{}}`,
    () => '['.repeat(random.from(1000, 100_000)),
    () => '\ufeff{}',
    () => '',
  ])();
  return answer('200 OK', wrong, JSON_TYPE);
}

function problem(random: Random): Buffer {
  const status = random.pick([
    '400 Bad Request',
    '401 Unauthorized',
    '403 Forbidden',
    '404 Not Found',
    '409 Conflict',
  ]);
  const word = JSON.stringify(random.pick(WORDS));
  const detail = random.pick([
    word,
    json(random, 2),
    `"${'y'.repeat(random.from(100, 100_000))}"`,
    JSON.stringify(`Authorization: Bearer ${SECRET}`),
  ]);
  const body = `{"type":"about:blank","title":${word},"status":${json(random, 0)},"detail":${detail},"fix":${word}}`;
  return answer(status, body, random.pick([PROBLEM_TYPE, 'Content-Type: text/plain', JSON_TYPE]));
}

function wrongLength(random: Random, asked: Asked): Buffer {
  const body = JSON.stringify({ results: resultsFor(asked.body.startsWith('[') ? asked.body : '[]') });
  const headers = random.pick([
    [`Content-Length: ${body.length + random.pick([-1, 1, 1000, 1e9])}`],
    ['Content-Length: -1'],
    ['Content-Length: 1e3'],
    ['Content-Length: 99999999999999999999'],
    ['Content-Length: 2', `Content-Length: ${body.length}`],
    ['Transfer-Encoding: chunked', `Content-Length: ${body.length}`],
    ['Transfer-Encoding: gzip'],
    ['Content-Encoding: gzip', `Content-Length: ${body.length}`],
    ['Connection: close'],
  ]);
  const chunked = random.pick(['g', '-1', 'ffffffffffffffff', `${'0'.repeat(5000)}1`, '1;x=y', '']);
  if (random.chance(0.4))
    return text('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', chunked, body, '0', '', '');
  return text('HTTP/1.1 200 OK', ...headers, '', body);
}

function redirect(random: Random, { impostor }: Asked): Buffer {
  const status = random.pick([
    '301 Moved',
    '302 Found',
    '303 See Other',
    '307 Temporary',
    '308 Permanent',
    '300 Choices',
  ]);
  const location = random.pick([
    impostor,
    `//${impostor.slice(7)}`,
    `${impostor}/?${SECRET}`,
    '/',
    'ftp://x',
    '\u0001',
    '',
  ]);
  const more = random.pick([[], [`Refresh: 0;url=${impostor}`], [`Alt-Svc: h2="${impostor.slice(7)}"`]]);
  return answer(status, '', `Location: ${location}`, ...more);
}

/** Interim answers (RFC 9110 section 15.2), many of them, and then the right answer or none. */
function interim(random: Random, asked: Asked): Conduct {
  const one = random.pick([
    text('HTTP/1.1 100 Continue', '', ''),
    text('HTTP/1.1 102 Processing', '', ''),
    text('HTTP/1.1 103 Early Hints', 'Link: </x>; rel=preload', '', ''),
  ]);
  const storm = Buffer.concat(Array<Buffer>(random.pick([1, 5, 500, 5000])).fill(one));
  const isAnswered = random.chance(0.8);
  return {
    kind: 'interim',
    pieces: isAnswered ? [storm, rightAnswer(asked)] : [storm],
    ending: isAnswered ? 'keep' : random.pick(['end', 'reset']),
  };
}

/** An answer that ends somewhere: before its first byte, in its head, in its body. */
function brokenOff(random: Random, asked: Asked): Conduct {
  const whole = rightAnswer(asked);
  const end = random.chance(0.3) ? 0 : random.below(whole.length);
  return { kind: 'broken off', pieces: [whole.subarray(0, end)], ending: random.pick(['end', 'reset']) };
}

/** What has no end: only a deadline ends it. */
function endless(random: Random, asked: Asked): Conduct {
  const [begin, again] = random.pick<readonly [Buffer, Buffer]>([
    [Buffer.alloc(0), Buffer.from('HTTP/1.1 102 Processing\r\n\r\n')],
    [Buffer.from('HTTP/1.1 200 OK\r\n'), Buffer.from('X')],
    [Buffer.from('HTTP/1.1 200 OK\r\n'), Buffer.from(`X: ${'y'.repeat(1000)}\r\n`)],
    [text('HTTP/1.1 200 OK', 'Content-Length: 1000000', '', ''), Buffer.from(' ')],
    [text('HTTP/1.1 200 OK', 'Connection: close', '', ''), Buffer.alloc(2 ** 18, ' ')],
    [text('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', ''), Buffer.from('1\r\n \r\n')],
    [text('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '1;'), Buffer.from('x')],
    [text('HTTP/1.1 500 X', 'Content-Length: 1000000', '', ''), Buffer.from(' ')],
    [rightAnswer(asked).subarray(0, -1), Buffer.alloc(0)],
    [Buffer.alloc(0), Buffer.alloc(0)],
  ]);
  return { kind: 'endless', pieces: [begin], endless: again, ending: 'hang' };
}

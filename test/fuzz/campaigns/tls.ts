import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { selfSignedCertificate } from '../../support/self-signed.js';
import { handshake } from '../inputs/handshakes.js';
import { brokenHello, plainHttp, strayRecord } from '../inputs/tls-records.js';
import type { Random } from '../random.js';
import { type Mix, pickSession, type SessionDraft, split } from '../session.js';
import { protocolMix } from './dev.js';
import type { ServerCampaign } from './server-campaign.js';

const admission = (random: Random) => [`GET /datafn/ws?token=fuzz:${random.below(50)} HTTP/1.1`];

/** What is wrong beneath HTTP, and then everything of HTTP and WebSocket through TLS. */
export async function tls(folder: string): Promise<ServerCampaign> {
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const { cert, key } = selfSignedCertificate('localhost');
  await Promise.all([writeFile(certFile, cert), writeFile(keyFile, key)]);
  const mix: Mix = {
    hello: [150, (random) => unencrypted('tls hello', random, brokenHello(random))],
    plain: [50, (random) => unencrypted('plain http', random, plainHttp(random))],
    records: [100, (random) => brokenRecords(random)],
    ...protocolMix(admission),
  };
  return {
    flags: ['--tls-cert', certFile, '--tls-key', keyFile],
    isTls: true,
    admit: (namespace) => ({ query: `token=${namespace}` }),
    sessionOf: (random) => pickSession(random, mix),
    answers: ['HTTP 101', 'HTTP 200', 'HTTP 400', 'HTTP 415', 'close 1002', 'close 1007'],
  };
}

/** Bytes to the port that are no TLS, or a handshake that is not finished. */
function unencrypted(kind: string, random: Random, input: Buffer): SessionDraft {
  return {
    kind,
    inputs: 1,
    pieces: split(random, input),
    tls: 'never',
    // What is answered, if anything, is an alert.
    problem: ({ http }) =>
      http.length > 0 ? `expected no HTTP without TLS, got ${http[0]?.status}` : undefined,
  };
}

/** Records that are not encrypted, or not as agreed, on a connection that has shaken hands and become a WebSocket. */
function brokenRecords(random: Random): SessionDraft {
  const opening = Buffer.from(handshake(admission(random)));
  const inputs = Array.from({ length: random.from(1, 4) }, () => strayRecord(random));
  return {
    kind: 'tls records',
    inputs: 1,
    opening,
    pieces: split(random, Buffer.concat(inputs)),
    tls: 'beneath the opening',
  };
}

import { frame, frameInput } from '../inputs/frames.js';
import { handshakeInput } from '../inputs/handshakes.js';
import { helloInput } from '../inputs/messages.js';
import { rawInput } from '../inputs/raw.js';
import { apiInput } from '../inputs/requests.js';
import type { Random } from '../random.js';
import { type Admission, type Mix, oneInput, pickSession, split, upgraded } from '../session.js';
import type { ServerCampaign } from './server-campaign.js';

const DEV_TOKEN: Admission = (random) => [`GET /datafn/ws?token=fuzz:${random.below(50)} HTTP/1.1`];

/**
 * Bytes, handshakes, frames, messages and API requests: about as many inputs of each of the large kinds.
 *
 * @param admission what is let in.
 */
export function protocolMix(admission: Admission): Mix {
  return {
    raw: [80, (random) => oneInput('raw', random, rawInput(random))],
    handshake: [220, (random) => oneInput('handshake', random, handshakeInput(random))],
    frames: [320, (random) => upgraded('frames', random, frames(random), admission)],
    hello: [
      15,
      (random) => {
        const inputs = Array.from({ length: random.from(40, 200) }, () => frame(random, helloInput(random)));
        return upgraded('hello', random, inputs, admission);
      },
    ],
    api: [
      365,
      (random) => {
        const inputs = Array.from({ length: random.from(1, 16) }, () => apiInput(random));
        return { kind: 'api', inputs: inputs.length, pieces: split(random, Buffer.concat(inputs)) };
      },
    ],
  };
}

function frames(random: Random): Buffer[] {
  const inputs: Buffer[] = [];
  let isFragmented = false;
  for (let count = random.from(1, 16); count > 0; count--) {
    const input = frameInput(random, isFragmented);
    inputs.push(input);
    const opcode = (input[0] ?? 0) & 0x0f;
    if (opcode < 0x8) isFragmented = ((input[0] ?? 0) & 0x80) === 0;
  }
  return inputs;
}

/** Everything that a stranger can send to a server as it starts by default. */
export function dev(): ServerCampaign {
  const mix = protocolMix(DEV_TOKEN);
  return {
    flags: [],
    admit: (namespace) => ({ query: `token=${namespace}` }),
    sessionOf: (random) => pickSession(random, mix),
    answers: ['HTTP 101', 'HTTP 200', 'HTTP 400', 'HTTP 415', 'close 1002', 'close 1007'],
  };
}

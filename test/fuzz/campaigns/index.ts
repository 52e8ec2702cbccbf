import { dev } from './dev.js';
import { jwt } from './jwt.js';
import { module } from './module.js';
import { pipelining } from './pipelining.js';
import type { PrepareCampaign } from './server-campaign.js';
import { tls } from './tls.js';
import { tokens } from './tokens.js';

/** The campaigns against `serve`, by name. */
export const SERVER_CAMPAIGNS: Readonly<Record<string, PrepareCampaign>> = {
  dev,
  tokens,
  jwt,
  module,
  tls,
  pipelining,
};

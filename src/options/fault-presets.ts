/** Sets of faults that have a name: `serve --faults NAME`. */
export const FAULT_PRESETS = {
  'flaky-train':
    'A slow mobile network: cursors come late, and every half minute a tunnel cuts everything off.',
  'bad-wifi': 'Cursors get lost, come twice or come late; now and then a connection is reset.',
  'silent-nat': 'A router forgets connections without a word: they look open and carry nothing.',
  'busy-server': 'Handshakes take long or get 503, pings come late, answers take seconds.',
  'bad-backend': 'Pulls lag behind, pushes are applied but their answers get lost, and some requests fail.',
  deploy: 'The server restarts every half minute and is away for two seconds.',
  'strange-proxy':
    'Frames arrive in fragments and byte by byte, with fields nobody asked for, and pings never arrive.',
  'out-of-order': 'Cursors come in the wrong order, twice, too low, and the last one of a burst is missing.',
} as const;

export type FaultPreset = keyof typeof FAULT_PRESETS;

export const FAULT_PRESET_NAMES = Object.keys(FAULT_PRESETS) as FaultPreset[];

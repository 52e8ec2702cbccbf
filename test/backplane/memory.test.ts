import { MemoryEngine, memoryBackplane } from '../../src/backplane/memory.js';
import { backplaneContract } from './contract.js';

let engine = new MemoryEngine();

backplaneContract({
  name: 'memory',
  make: async () => memoryBackplane(engine),
  async dispose() {
    engine = new MemoryEngine();
  },
});

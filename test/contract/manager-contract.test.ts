import { fakeHarness } from './fake-harness.js';
import { describeManagerContract } from './manager-contract.js';
import { wsHarness } from './ws-harness.js';

// A further transport is one more entry.
for (const harness of [fakeHarness, wsHarness]) describeManagerContract(harness);

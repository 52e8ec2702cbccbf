import { fakeHarness } from './fake-harness.js';
import { describeManagerContract } from './manager-contract.js';
import { tcpServerHarness, tlsServerHarness } from './server-harness.js';
import { wsHarness } from './ws-harness.js';

// A further transport is one more entry.
for (const harness of [fakeHarness, wsHarness, tcpServerHarness, tlsServerHarness]) {
  describeManagerContract(harness);
}

import * as tls from 'node:tls';

/** What newer versions of Node.js have: the first since 22.15 and 23.10, the second since 22.19 and 24.5. */
const { getCACertificates, setDefaultCACertificates } = tls as {
  getCACertificates?(kind: 'default' | 'system'): string[];
  setDefaultCACertificates?(certificates: readonly string[]): void;
};

/** Whether this Node.js can use the certificates that the system trusts. */
export const CAN_TRUST_SYSTEM = getCACertificates !== undefined && setDefaultCACertificates !== undefined;

let isDone = false;

/**
 * Lets this process trust what the system trusts, beside the list that Node.js brings along; where Node.js cannot, it does
 * nothing. It changes the whole process and reads some hundred files, so it is for processes of our own that are about to
 * speak TLS.
 */
export function trustSystem(): void {
  if (isDone || getCACertificates === undefined || setDefaultCACertificates === undefined) return;
  isDone = true;
  setDefaultCACertificates([...new Set([...getCACertificates('default'), ...getCACertificates('system')])]);
}

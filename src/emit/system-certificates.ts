import * as tls from 'node:tls';

/** Functions of newer Node.js versions: the first since 22.15 and 23.10, the second since 22.19 and 24.5. */
const { getCACertificates, setDefaultCACertificates } = tls as {
  getCACertificates?(kind: 'default' | 'system'): string[];
  setDefaultCACertificates?(certificates: readonly string[]): void;
};

/** Whether this Node.js can use the certificates that the system trusts. */
export const CAN_TRUST_SYSTEM = getCACertificates !== undefined && setDefaultCACertificates !== undefined;

let isDone = false;

/**
 * Makes this process trust the system's certificates in addition to those of Node.js. Does nothing on an older Node.js.
 * It changes the whole process and reads hundreds of files, so call it only in our own processes, and before TLS is used.
 */
export function trustSystem(): void {
  if (isDone || getCACertificates === undefined || setDefaultCACertificates === undefined) return;
  isDone = true;
  setDefaultCACertificates([...new Set([...getCACertificates('default'), ...getCACertificates('system')])]);
}

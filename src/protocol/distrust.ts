/** Codes of OpenSSL and Node.js for a certificate that is not believed. */
const DISTRUST = /CERT|ISSUER|UNABLE_TO_VERIFY/;

/** Whether an error says that the certificate of a server is not believed. */
export function isDistrust(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && DISTRUST.test(code);
}

/** Its words, without the advice that Node.js from 24 on adds for a flag of its own. */
export function distrustReason(message: string): string {
  return message.split('; ', 1)[0] as string;
}

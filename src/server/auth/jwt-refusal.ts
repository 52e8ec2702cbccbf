import { errors } from 'jose';
import { MAX_CANDIDATE_KEYS } from './key-set.js';

/**
 * Why a token was refused, in words for the operator; `undefined` for an error that is no fault of the token,
 * such as keys that cannot be fetched.
 *
 * @param algorithms that the token could have been signed with.
 */
export function jwtRefusal(error: unknown, algorithms: readonly string[]): string | undefined {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return claimRefusal(error);
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is not valid';
  if (error instanceof errors.JWKSNoMatchingKey) return 'the issuer publishes no key for it';
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return `it names no key (\`kid\`), and the issuer publishes more than ${MAX_CANDIDATE_KEYS} that could be it`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return `it is not signed with ${algorithms.join(' or ')}`;
  }
  const isMalformed = [errors.JWTInvalid, errors.JWSInvalid, errors.JOSENotSupported].some(
    (kind) => error instanceof kind,
  );
  return isMalformed ? `it is no JWT that can be read: ${(error as Error).message}` : undefined;
}

function claimRefusal({ claim, reason, message }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') return `the claim "${claim}" is missing`;
  if (claim === 'nbf' && reason === 'check_failed') return 'it is not valid yet';
  if (reason === 'check_failed') return `the claim "${claim}" is not the one that is expected`;
  return message;
}

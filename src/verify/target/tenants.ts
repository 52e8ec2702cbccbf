import { badToken, type Credentials, tokenFor } from '../../bench/fleet/credentials.js';
import type { TokenWay } from '../../protocol/upgrade.js';
import { signJwt } from '../../text/jwt.js';

/** A token and the namespace that it stands for. */
export interface Tenant {
  readonly token: string;
  /** `undefined` where it is not known, which only matters to a trigger that names namespaces. */
  readonly namespace: string | undefined;
}

/** Who connects. */
export interface Tenants {
  /** Whether every clause has namespaces of its own, as many as it wants. */
  readonly areOwn: boolean;
  /** The namespace with this index, from 0, of a clause; `undefined` where there is no token for it. */
  at(clause: string, index: number): Tenant | undefined;
  readonly bad: string;
  /** A token that was valid once; `undefined` where there is none. */
  readonly expired: string | undefined;
}

/** An hour ago, as a NumericDate. */
const expiredAtS = () => Math.floor(Date.now() / 1000) - 3600;

/** Namespaces of a run, whose tokens verify makes itself. */
export function madeTenants(
  credentials: Exclude<Credentials, { kind: 'listed' }>,
  run: string,
  given: { readonly bad: string | undefined; readonly expired: string | undefined; readonly via: TokenWay },
): Tenants {
  const tenantOf = (clause: string, index: number): Tenant => {
    // Each namespace is the beginning of the next: a server that compares beginnings gets caught.
    const namespace = `verify-${run}:${clause.replace('/', '-')}${':n'.repeat(Math.min(index, 1))}${index > 1 ? index : ''}`;
    const holder = { namespace, namespaceIndex: index, cohort: clause, index };
    return { namespace, token: tokenFor(credentials, holder) };
  };
  const expired = () => {
    if (credentials.kind !== 'jwt') return undefined;
    const claims = { ...credentials.claims, iat: expiredAtS() - 60, exp: expiredAtS() };
    return tokenFor(
      { ...credentials, claims },
      { namespace: 'expired', namespaceIndex: 0, cohort: '', index: 0 },
    );
  };
  const forged = () =>
    credentials.kind === 'jwt'
      ? signJwt(
          { sub: 'forged', exp: expiredAtS() + 7200 },
          'not the secret of this server, whatever that is',
        )
      : badToken(given.via);
  return {
    areOwn: true,
    at: tenantOf,
    bad: given.bad ?? forged(),
    expired: given.expired ?? expired(),
  };
}

/** The tokens that somebody gave, the same for every clause. */
export function givenTenants(
  tenants: readonly Tenant[],
  given: { readonly bad: string | undefined; readonly expired: string | undefined; readonly via: TokenWay },
): Tenants {
  return {
    areOwn: false,
    at: (_, index) => tenants[index],
    bad: given.bad ?? badToken(given.via),
    expired: given.expired,
  };
}

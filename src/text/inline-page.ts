import { createHash } from 'node:crypto';

/** A script as the content of its element: nothing in it ends the element. */
export function inlineScript(source: string): string {
  return source.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
}

/** What stands on a page that loads nothing but data from its own server. */
export interface PageParts {
  /** The content of each script element, as it stands there. */
  readonly scripts: readonly string[];
  readonly style: string;
  /** Names of the Trusted Types policies that may make markup of a text. Default none: only text becomes a part of the page. */
  readonly trustedTypes?: string;
}

/** The headers of such a page: only what is on it runs, by its hash (CSP level 3, section 2.3.1). */
export function pageHeaders({ scripts, style, trustedTypes = "'none'" }: PageParts): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `script-src ${scripts.map(sourceOf).join(' ')}`,
    `style-src ${sourceOf(style)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    `trusted-types ${trustedTypes}`,
  ];
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'cache-control': 'no-store',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  };
}

function sourceOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

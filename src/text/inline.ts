import { createHash } from 'node:crypto';

/** A script as the content of its element: nothing in it ends the element. */
export function inlineScript(source: string): string {
  return source.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
}

/** The source for a content security policy that allows this script or style (CSP level 3, section 2.3.1). */
export function policySource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

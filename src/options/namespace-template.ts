import { invalidOption } from '../protocol/errors.js';
import { describe, namespaceProblem } from '../protocol/identifiers.js';

/** The default namespace template of a JWT. */
export const DEFAULT_NAMESPACE_TEMPLATE = 'user:{sub}';

/**
 * A namespace with claims in it, such as `tenant:{tid}:user:{sub}`.
 *
 * Different claims give different namespaces. That takes a rule: with `tenant:{tid}:user:{sub}`, a `tid` of `a:user:b`
 * and a `sub` of `c` would give the namespace of the `sub` `b:user:c` of tenant `a`. So the character that follows a
 * claim, where another claim comes later, is a separator, and no claim may contain a separator. A template with one claim
 * has none.
 */
export class NamespaceTemplate {
  /** What stands before the first claim, between the claims, and after the last. */
  readonly #texts: readonly string[];
  readonly #claims: readonly string[];
  readonly #separators: ReadonlySet<string>;

  /** @throws {DatafnWsError} `ERR_INVALID_OPTION` for a template with a {@link templateProblem}. */
  constructor(template: string) {
    const problem = templateProblem(template);
    if (problem !== undefined)
      throw invalidOption(`Expected the namespace template to be ${problem}, got ${describe(template)}`);
    const parts = partsOf(template);
    this.#texts = parts.filter((_, index) => index % 2 === 0);
    this.#claims = parts.filter((_, index) => index % 2 === 1);
    this.#separators = new Set(this.#texts.slice(1, -1).map(([first]) => first as string));
  }

  /** The namespace for these claims, each a non-empty string, or what is wrong with them; never their values. */
  fill(
    claims: Readonly<Record<string, unknown>>,
  ): { readonly namespace: string } | { readonly problem: string } {
    let namespace = this.#texts[0] as string;
    for (const [index, name] of this.#claims.entries()) {
      const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
      if (value === undefined) return { problem: `the claim "${name}" is missing` };
      if (typeof value !== 'string') return { problem: `the claim "${name}" is not a string` };
      if (value === '') return { problem: `the claim "${name}" is empty` };
      for (const separator of this.#separators) {
        if (value.includes(separator))
          return { problem: `the claim "${name}" contains the separator "${separator}"` };
      }
      namespace += value + this.#texts[index + 1];
    }
    const problem = namespaceProblem(namespace);
    return problem === undefined
      ? { namespace }
      : { problem: `expected the resulting namespace to be ${problem}` };
  }
}

/** Returns why a text is not a {@link NamespaceTemplate}, in words that follow "Expected … to be", else `undefined`. */
export function templateProblem(template: string): string | undefined {
  const example = 'such as tenant:{tid}:user:{sub}';
  const parts = partsOf(template);
  if (parts.some((part, index) => index % 2 === 0 && /[{}]/.test(part))) {
    return `a template with claims in braces, ${example}`;
  }
  // Without one, all valid tokens would share one namespace.
  if (parts.length === 1) return `a template with at least one claim in braces, ${example}`;
  if (parts.slice(1, -1).some((part, index) => index % 2 === 1 && part === '')) {
    return `a template with text between any two claims, ${example}`;
  }
  const wrong = namespaceProblem(template);
  return wrong === undefined ? undefined : `a valid namespace: ${wrong}`;
}

/** Texts and claims alternately; the first and the last are texts, which may be empty. */
function partsOf(template: string): string[] {
  return template.split(/\{([^{}]+)\}/);
}

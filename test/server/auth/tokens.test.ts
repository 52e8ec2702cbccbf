import { describe, expect, test } from 'vitest';
import { DatafnWsError } from '../../../src/protocol/errors.js';
import { type TokenMap, tokensNamespaceProvider } from '../../../src/server/auth/tokens.js';
import { parseTokens, readTokensFile } from '../../../src/server/auth/tokens-file.js';

const ALICE = 'alice-0123456789';
const BOB = 'bob-é-0123456789';

const ask = (provider: ReturnType<typeof tokensNamespaceProvider>, token: string | undefined) =>
  provider({ token, url: '/', headers: {}, remoteAddress: undefined });

describe('the provider of tokens', () => {
  test.each<[string, TokenMap]>([
    ['an object', { [ALICE]: 'user:alice', [BOB]: 'user:bob' }],
    [
      'a Map',
      new Map([
        [ALICE, 'user:alice'],
        [BOB, 'user:bob'],
      ]),
    ],
  ])('knows the tokens of %s, and no others', (_, tokens) => {
    const provider = tokensNamespaceProvider(tokens);
    expect([ask(provider, ALICE), ask(provider, BOB)]).toEqual(['user:alice', 'user:bob']);
    const strangers = [
      undefined,
      '',
      'x',
      ALICE.slice(0, -1),
      `${ALICE}x`,
      ALICE.toUpperCase(),
      ` ${ALICE}`,
      BOB.normalize('NFD'),
      'constructor',
      '__proto__',
      'user:alice',
    ];
    for (const token of strangers) expect(ask(provider, token), token).toBeUndefined();
  });

  test('keeps none of them in clear', () => {
    const tokens = { [ALICE]: 'user:alice' };
    const looked: string[] = [];
    const get = Map.prototype.get;
    const provider = tokensNamespaceProvider(tokens);
    Map.prototype.get = function (key) {
      looked.push(String(key));
      return get.call(this, key);
    };
    try {
      expect(ask(provider, ALICE)).toBe('user:alice');
    } finally {
      Map.prototype.get = get;
    }
    expect(looked).toHaveLength(1);
    expect(looked.join()).not.toContain(ALICE.slice(0, 6));
  });

  test('takes others from one moment to the next, and keeps the old ones when the new ones are not valid', () => {
    const provider = tokensNamespaceProvider({ [ALICE]: 'user:alice' });
    provider.replace({ [BOB]: 'user:bob' });
    expect([ask(provider, ALICE), ask(provider, BOB)]).toEqual([undefined, 'user:bob']);
    expect(() => provider.replace({ [ALICE]: 'user:alice', short: 'a' })).toThrow();
    expect([ask(provider, ALICE), ask(provider, BOB)]).toEqual([undefined, 'user:bob']);
    provider.replace({});
    expect(ask(provider, BOB)).toBeUndefined();
  });

  test.each<[string, unknown, string]>([
    [
      'a short token',
      { [ALICE]: 'a', 'short-secret': 'b' },
      'Expected token 2 to have at least 16 bytes, got 12',
    ],
    [
      'an empty namespace',
      { [ALICE]: '' },
      'Expected the namespace of token 1 to be a non-empty string, got an empty one',
    ],
    [
      'a namespace that is no text',
      { [ALICE]: 42 },
      'Expected the namespace of token 1 to be a string, got 42',
    ],
    ['a token that is no text', new Map([[42, 'a']]), 'Expected token 1 to be a string'],
    ['a list', [ALICE], 'Expected the tokens to be an object or a Map of token and namespace, got an array'],
    [
      'nothing',
      undefined,
      'Expected the tokens to be an object or a Map of token and namespace, got undefined',
    ],
  ])('refuses %s, and does not say which token it is', (_, tokens, message) => {
    expect(() => tokensNamespaceProvider(tokens as TokenMap)).toThrow(
      new DatafnWsError('ERR_INVALID_OPTION', message),
    );
  });

  test('counts the bytes of a token, not its letters', () => {
    expect(ask(tokensNamespaceProvider({ éééééééé: 'a' }), 'éééééééé')).toBe('a');
  });
});

describe('a file of tokens', () => {
  const parsed = (text: string) => Object.fromEntries(parseTokens(text, 't.yaml'));

  test.each([
    [
      'YAML',
      `# people\n${ALICE}: user:alice\n"bob: #0123456789": user:bob # her brother\n`,
      { [ALICE]: 'user:alice', 'bob: #0123456789': 'user:bob' },
    ],
    ['JSON', `{"${ALICE}":"user:alice","${BOB}":"a"}`, { [ALICE]: 'user:alice', [BOB]: 'a' }],
    [
      'YAML with tokens that look like numbers',
      '01234567890123456789: 007\n0x0123456789abcdef: a',
      { '01234567890123456789': '007', '0x0123456789abcdef': 'a' },
    ],
    ['nobody', '{}', {}],
  ])('may be %s', (_, text, tokens) => {
    expect(parsed(text)).toEqual(tokens);
  });

  test.each<[string, string, string]>([
    ['is empty', '', 't.yaml:1:1: expected tokens, such as "a-long-random-token": user:alice'],
    [
      'has only a comment',
      '# nobody yet\n',
      't.yaml:1:1: expected tokens, such as "a-long-random-token": user:alice',
    ],
    [
      'is a list',
      '- sesame-sesame-sesame',
      't.yaml:1:1: expected tokens, such as "a-long-random-token": user:alice',
    ],
    [
      'is a text',
      'sesame-sesame-sesame',
      't.yaml:1:1: expected tokens, such as "a-long-random-token": user:alice',
    ],
    [
      'has a short token',
      `${ALICE}: a\nsesame: b`,
      't.yaml:2:1: expected a token of at least 16 bytes, got 6',
    ],
    ['has a token that is no text', '[sesame, sesame]: a', 't.yaml:1:1: expected a token of text'],
    [
      'has an empty namespace',
      `${ALICE}: ""`,
      't.yaml:1:19: expected the namespace to be a non-empty string, got an empty one',
    ],
    ['has no namespace', `\n${ALICE}:\n`, 't.yaml:2:18: expected the namespace to be a text'],
    [
      'has a namespace that is more',
      `${ALICE}: { ns: sesame }`,
      't.yaml:1:19: expected the namespace to be a text',
    ],
    [
      'has a namespace with a control character',
      `${ALICE}: "a\\nb"`,
      't.yaml:1:19: expected the namespace to be free of control characters, got one',
    ],
    ['has a token twice', `${ALICE}: a\n${ALICE}: b`, 't.yaml:2:1: duplicate key'],
    [
      'has a token twice, spelled in two ways',
      '1234567890123456: a\n"1234567890123456": b',
      't.yaml:2:1: duplicate token',
    ],
    ['has an alias', '*sesame-sesame-sesame : a', 't.yaml:1:1: expected a token of text'],
    [
      'has a tag',
      '!sesame sesame-sesame-sesame: a',
      't.yaml:1:1: invalid YAML; quote values with special characters',
    ],
    ['is broken JSON', `{"sesame-sesame-sesame": "a"`, 't.yaml:1:29: Flow map must end with a }'],
    ['is cut short', 'sesame-sesame-sesame: "a', 't.yaml:1:25: Missing closing "quote'],
  ])('that %s is refused with line and column, and without what is in it', (_, text, message) => {
    let thrown = '';
    try {
      parseTokens(text, 't.yaml');
    } catch (error) {
      thrown = (error as Error).message;
    }
    expect(thrown.split('\n')[0]).toBe(message);
    expect(thrown).not.toContain('sesame');
  });

  test('says all that is wrong at once', () => {
    expect(() => parseTokens(`a: a\n${ALICE}: ""\nb: b`, 't')).toThrow(/^t:1:1: .*\nt:2:19: .*\nt:3:1: .*$/);
  });

  test('that is not there is refused with its name', async () => {
    await expect(readTokensFile('no/such/tokens.yaml')).rejects.toThrow(
      /^Cannot read the tokens file: ENOENT.*no\/such\/tokens\.yaml/,
    );
  });
});

import { copyFileSync } from 'node:fs';
import { selfSignedCertificate } from './self-signed.js';
import { temporaryFolder } from './temporary-folder.js';

/**
 * A folder with two certificates for localhost, `one` and `two` (`one.cert.pem`, `one.key.pem`, …), for `cert.pem` and
 * `key.pem`, which `use` writes. To be called while the file is loaded.
 */
export function changingCertificate() {
  const { file, path } = temporaryFolder('tls');
  for (const name of ['one', 'two']) {
    const { cert, key } = selfSignedCertificate('localhost');
    file(`${name}.cert.pem`, cert);
    file(`${name}.key.pem`, key);
  }
  const use = (cert: string, key: string) => {
    copyFileSync(path(`${cert}.cert.pem`), path('cert.pem'));
    copyFileSync(path(`${key}.key.pem`), path('key.pem'));
  };
  return { path, use };
}

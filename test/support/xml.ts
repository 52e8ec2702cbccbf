import { readFileSync } from 'node:fs';
import { validateXML } from 'xmllint-wasm';

const JUNIT_SCHEMA = readFileSync(new URL('./junit.xsd', import.meta.url), 'utf8');

/** What an XML parser and the schema of JUnit XML say against a document; empty for a valid one. */
export async function junitErrors(xml: string): Promise<string[]> {
  const { errors } = await validateXML({
    xml: { fileName: 'report.xml', contents: xml },
    schema: { fileName: 'junit.xsd', contents: JUNIT_SCHEMA },
  });
  return errors.map(({ message }) => message);
}

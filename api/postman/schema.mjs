// Converts a schema of the contract (OpenAPI 3.1, JSON Schema 2020-12) to one that is self-contained and that the validator
// inside Postman supports (Ajv 6, draft 7).

const formats = new Set(['uuid', 'date', 'date-time', 'uri', 'email', 'ipv4', 'ipv6']); // those that Ajv 6 checks
const annotations = new Set(['description', 'summary', 'title', 'example', 'examples', 'default', 'deprecated',
  'readOnly', 'writeOnly', 'discriminator', 'xml', 'externalDocs']);

/** resolve returns the node that a $ref in the contract points to, with the $ref's siblings added. */
export function resolve(contract, node) {
  if (!node?.$ref) return node;
  const { $ref, ...beside } = node;
  const found = $ref.replace(/^#\//, '').split('/').reduce((part, key) => part?.[key], contract);
  if (found === undefined) throw new Error(`the contract has no ${$ref}`);
  return { ...resolve(contract, found), ...beside };
}

/** standalone returns the schema with every $ref resolved, without annotations, and without formats unknown to the validator. */
export function standalone(contract, schema, seen = []) {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (seen.includes(schema.$ref)) throw new Error(`${schema.$ref} refers to itself, which is not supported`);
  const within = schema.$ref ? [...seen, schema.$ref] : seen;
  const result = {};
  for (const [keyword, value] of Object.entries(resolve(contract, schema))) {
    if (annotations.has(keyword) || keyword.startsWith('x-')) continue;
    if (keyword === 'format' && !formats.has(value)) continue;
    result[keyword] = keywordValue(keyword, value, (part) => standalone(contract, part, within));
  }
  return result;
}

function keywordValue(keyword, value, convert) {
  if (['properties', 'patternProperties', '$defs'].includes(keyword)) {
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, convert(part)]));
  }
  if (['enum', 'const', 'required', 'type'].includes(keyword)) return value;
  return Array.isArray(value) ? value.map(convert) : convert(value);
}

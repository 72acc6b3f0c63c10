// Writes the Postman collection and its environment from api/openapi.yaml and recipes.mjs:
//
//   node generate.mjs            write both files
//   node generate.mjs --check    fail if they are stale
//
// openapi-to-postmanv2 converts the contract into requests; request.mjs adds what each needs to run, and its assertions.
// The output is the same in every run.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import converter from 'openapi-to-postmanv2';
import { parse } from 'yaml';
import { folders, variables } from './recipes.mjs';
import { item, sharedScript } from './request.mjs';

const methods = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'];
const howToRun = 'Run it from top to bottom, as often as you like: each run signs up a new account.';
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** operationsOf returns the contract's operations as a map by operationId. */
function operationsOf(contract) {
  const operations = new Map();
  for (const [path, item] of Object.entries(contract.paths)) {
    for (const method of methods.filter((name) => item[name])) {
      operations.set(item[method].operationId, { ...item[method], method: method.toUpperCase(), path });
    }
  }
  return operations;
}

/** mismatches returns a message for every operation that only the recipes or only the contract has. */
function mismatches(operations) {
  const found = [];
  const used = new Set();
  for (const [folder, recipes] of Object.entries(folders)) {
    for (const { operation } of recipes) {
      used.add(operation);
      if (!operations.has(operation)) found.push(`the folder ${folder} has ${operation}, which is not in the contract`);
    }
  }
  for (const [id, { method, path, tags }] of operations) {
    if (!used.has(id)) found.push(`${id} (${method} ${path}) has no recipe; add one to the folder ${tags[0]}`);
  }
  return found;
}

/** convert returns the converter's requests as a map by method and path, as the contract writes them. */
async function convert(text) {
  const { result, reason, output } = await promisify(converter.convertV2)({ type: 'string', data: text },
    { folderStrategy: 'Tags', requestNameSource: 'Fallback', schemaFaker: true });
  if (!result) throw new Error(`openapi-to-postmanv2: ${reason}`);
  const requests = new Map();
  for (const { request } of output[0].data.item.flatMap((entry) => entry.item ?? entry)) {
    requests.set(`${request.method} /${request.url.path.join('/').replace(/:(\w+)/g, '{$1}')}`, request);
  }
  return requests;
}

function collection(contract, operations, requests) {
  const described = new Map(contract.tags.map(({ name, description }) => [name, description]));
  return {
    info: {
      _postman_id: '4c61746b-6579-4061-8000-000000000001',
      name: contract.info.title,
      description: `${contract.info.summary}\n\n${contract.info.description}\n${howToRun}`,
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    item: Object.entries(folders).map(([tag, recipes]) => ({
      name: tag[0].toUpperCase() + tag.slice(1),
      description: described.get(tag),
      item: recipes.map((recipe) => {
        const operation = operations.get(recipe.operation);
        return item(contract, operation, recipe, requests.get(`${operation.method} ${operation.path}`));
      }),
    })),
    auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{access_token}}', type: 'string' }] },
    event: [sharedScript],
    variable: Object.entries(variables).map(([key, value]) => ({ key, value, type: 'string' })),
  };
}

const environment = {
  id: '4c61746b-6579-4061-8000-000000000002',
  name: 'Latchkey on this machine',
  values: [{ key: 'base_url', value: 'http://localhost:8080', type: 'default', enabled: true }],
  _postman_variable_scope: 'environment',
};

async function main() {
  const text = readFileSync(here('../openapi.yaml'), 'utf8');
  const contract = parse(text);
  const operations = operationsOf(contract);
  const mismatched = mismatches(operations);
  if (mismatched.length) throw new Error(`recipes.mjs and openapi.yaml disagree:\n  ${mismatched.join('\n  ')}`);
  const files = {
    'latchkey.postman_collection.json': collection(contract, operations, await convert(text)),
    'local.postman_environment.json': environment,
  };
  for (const [name, value] of Object.entries(files)) {
    const content = `${JSON.stringify(value, null, 2)}\n`;
    if (!process.argv.includes('--check')) {
      writeFileSync(here(name), content);
    } else if (readFileSync(here(name), 'utf8') !== content) {
      throw new Error(`api/postman/${name} is stale; run make postman`);
    }
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});

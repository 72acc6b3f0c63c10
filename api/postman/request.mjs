// Builds a request of the collection from an operation of the contract, its recipe and the converter's request.

import { resolve, standalone } from './schema.mjs';
import { awaitMail, refreshExpiredToken } from './scripts.mjs';

/** lines returns the body of a function as the lines of a script. */
function lines(script) {
  const [, ...body] = script.toString().split('\n');
  return body.slice(0, -1).map((line) => line.replace(/^ {2}/, ''));
}

const event = (listen, exec) => ({ listen, script: { type: 'text/javascript', exec } });

/** The script before every request. */
export const sharedScript = event('prerequest', lines(refreshExpiredToken));

/** preparations returns the script that runs before a request. */
function preparations(recipe) {
  const script = (recipe.before ?? []).flatMap(lines);
  return recipe.mail ? [`const mail = ${JSON.stringify(recipe.mail)};`, ...lines(awaitMail), ...script] : script;
}

/** expectations returns the script that asserts status, media type and schema of a response, and runs the recipe's `after`. */
function expectations(contract, operation, recipe, status) {
  const answer = resolve(contract, operation.responses[status] ?? operation.responses.default);
  const [mediaType, { schema } = {}] = Object.entries(answer.content ?? {})[0] ?? [];
  const script = [`pm.test('status ${status}', () => pm.response.to.have.status(${status}));`];
  if (mediaType && operation.method !== 'HEAD') {
    script.push(`const mediaType = pm.response.headers.get('Content-Type');`);
    script.push(`pm.test('${mediaType}', () => pm.expect(mediaType).to.include('${mediaType}'));`);
  } else {
    script.push(`pm.test('no body', () => pm.expect(pm.response.text()).to.equal(''));`);
  }
  if (schema) {
    script.push('', `const schema = ${JSON.stringify(standalone(contract, schema), null, 2)};`);
    script.push(`pm.test('the contract\\'s schema', () => pm.response.to.have.jsonSchema(schema));`);
  }
  if (recipe.code) {
    script.push(`pm.test('code ${recipe.code}', () => pm.expect(pm.response.json().code).to.equal('${recipe.code}'));`);
  }
  for (const after of recipe.after ?? []) {
    script.push('', `if (pm.response.code === ${status}) {`, ...lines(after).map((line) => `  ${line}`), '}');
  }
  return script.flatMap((part) => part.split('\n'));
}

/** bodyOf returns the body that a request sends, or undefined. */
function bodyOf(operation, recipe) {
  const content = operation.requestBody?.content['application/json'];
  if (operation.requestBody && !content) throw new Error(`${operation.operationId} has a body that is not JSON`);
  if (recipe.body === null || (!content?.example && !recipe.body)) return undefined;
  const raw = JSON.stringify({ ...content?.example, ...recipe.body }, null, 2);
  return { mode: 'raw', raw, options: { raw: { language: 'json' } } };
}

function authOf(operation, recipe) {
  if (recipe.token) return { type: 'bearer', bearer: [{ key: 'token', value: recipe.token, type: 'string' }] };
  if (recipe.token === null || !operation.security) return { type: 'noauth' };
  return undefined; // the collection's
}

/** urlOf returns the converter's URL with the recipe's parameters, and without query parameters that the recipe does not have. */
function urlOf(url, recipe) {
  const path = url.path.map((part) => (part.startsWith(':') && recipe.path?.[part.slice(1)]) || part);
  const query = Object.entries(recipe.query ?? {}).map(([key, value]) => ({ key, value: String(value) }));
  const raw = `{{base_url}}/${path.join('/')}`;
  const asked = query.map(({ key, value }) => `${key}=${value}`).join('&');
  return { raw: asked ? `${raw}?${asked}` : raw, host: ['{{base_url}}'], path, ...(asked && { query }) };
}

/** item returns one request of the collection. */
export function item(contract, operation, recipe, request) {
  const status = recipe.status ?? Number(Object.keys(operation.responses).find((code) => code.startsWith('2')));
  const body = bodyOf(operation, recipe);
  const headers = { ...(body && { 'Content-Type': 'application/json' }), ...recipe.headers };
  const auth = authOf(operation, recipe);
  const before = preparations(recipe);
  return {
    name: recipe.name ?? operation.summary,
    event: [
      ...(before.length ? [event('prerequest', before)] : []),
      event('test', expectations(contract, operation, recipe, status)),
    ],
    request: {
      method: request.method,
      header: Object.entries(headers).map(([key, value]) => ({ key, value })),
      ...(auth && { auth }),
      ...(body && { body }),
      url: urlOf(request.url, recipe),
      description: operation.description ?? operation.summary,
    },
    response: [],
  };
}

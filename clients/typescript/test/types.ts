// What the compiler has to reject, and what it has to accept. Nothing here runs.

import type { Client } from '../src/index.js';

export async function calls(client: Client): Promise<string> {
  // @ts-expect-error this path does not support post
  await client.call('post', '/api/v1/profile');
  // @ts-expect-error the contract has no such path
  await client.call('get', '/api/v1/nothing');
  // @ts-expect-error the body is required
  await client.call('put', '/api/v1/profile');
  // @ts-expect-error a field is missing
  await client.call('put', '/api/v1/profile', { body: { first_name: 'Ann' } });
  // @ts-expect-error the path has a parameter
  await client.call('delete', '/api/v1/sessions/{id}');
  // @ts-expect-error there is no such scope
  await client.logOut('everywhere');
  const nothing: undefined = await client.call('delete', '/api/v1/sessions/{id}', { path: { id: '1' } });
  const { sessions } = await client.call('get', '/api/v1/sessions');
  return sessions[0]?.client_name ?? String(nothing);
}

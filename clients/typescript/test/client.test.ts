import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { AbortController as ReactNativeAbortController } from 'abort-controller';
import { NetworkError, ProblemError, SignedOutError, StorageError } from '../src/index.js';
import { newPhone, password, refresh, restarted, serverURL, signedIn } from './phone.js';
import { Server } from './server.js';

test('signs up, calls, logs out and in again', async () => {
  const { client, network, reasons, email } = await signedIn({ clientName: 'Ann\'s phone' });
  assert.equal(client.user?.email, email);
  const profile = await client.call('patch', '/api/v1/profile', { body: { first_name: 'Anna' } });
  assert.equal(profile.full_name, 'Anna Bee');
  const { sessions } = await client.call('get', '/api/v1/sessions');
  assert.deepEqual(sessions.map(({ client_name }) => client_name), ['Ann\'s phone']);
  await client.logOut();
  assert.equal(await client.isSignedIn(), false);
  assert.equal(client.user, undefined);
  assert.deepEqual(reasons, ['logged_out']);
  await assert.rejects(client.call('get', '/api/v1/profile'), { name: 'ProblemError', code: 'credentials_missing' });
  await client.logIn({ email, password });
  assert.equal((await client.call('get', '/api/v1/profile')).email, email);
  assert.equal(network.count(refresh), 0);
});

test('sends the device token of the last login, also after a logout and a restart', async () => {
  const phone = await signedIn();
  await phone.client.logOut();
  const { client, network } = restarted(phone);
  await client.logIn({ email: phone.email, password });
  const { device_token } = JSON.parse(network.requests[0]!.body) as { device_token: string };
  assert.match(device_token, /^lkd_/);
});

test('names the invalid fields', async () => {
  const { client, email } = await signedIn();
  const error: unknown = await client.signUp({ email, password }).catch((reason: unknown) => reason);
  assert.ok(error instanceof ProblemError);
  assert.equal(error.code, 'validation_error');
  assert.equal(error.field('email')?.code, 'taken');
  assert.equal(error.field('password'), undefined);
  assert.ok(error.requestId);
});

test('a wrong password does not end the session', async () => {
  const { client, email, reasons } = await signedIn();
  await assert.rejects(client.logIn({ email, password: 'not mine' }), { code: 'invalid_credentials' });
  assert.equal((await client.call('get', '/api/v1/profile')).email, email);
  assert.deepEqual(reasons, []);
});

test('20 calls with an access token that the server calls expired make one refresh', async () => {
  const { client, network, email } = await signedIn();
  network.expireLastToken();
  const profiles = await Promise.all(Array.from({ length: 20 }, () => client.call('get', '/api/v1/profile')));
  assert.deepEqual(new Set(profiles.map((profile) => profile.email)), new Set([email]));
  assert.equal(network.count(refresh), 1);
});

test('20 calls with an access token that is known to be old make one refresh', async () => {
  const { client, network, clock } = await signedIn();
  const before = network.count('GET /api/v1/profile');
  clock.now += 3_600_000;
  await Promise.all(Array.from({ length: 20 }, () => client.call('get', '/api/v1/profile')));
  assert.equal(network.count(refresh), 1);
  assert.equal(network.count('GET /api/v1/profile'), before + 20);
});

test('a refresh whose response is lost is sent again with the same token', async () => {
  const { client, network, reasons } = await signedIn();
  network.expireLastToken();
  network.lost = 1;
  await client.call('get', '/api/v1/profile');
  const [first, second] = network.requests.filter(({ call }) => call === refresh);
  assert.equal(first?.body, second?.body);
  network.expireLastToken();
  await client.call('get', '/api/v1/profile'); // the second pair is valid
  assert.equal(network.count(refresh), 3);
  assert.deepEqual(reasons, []);
});

test('a refresh whose response is lost is sent again also after the server\'s grace period', async () => {
  const strict = await Server.start({ REFRESH_GRACE: '0s' });
  try {
    const { client, network, reasons } = await signedIn({ baseURL: strict.baseURL });
    for (let round = 0; round < 2; round++) {
      network.expireLastToken();
      network.lost = 1;
      await client.call('get', '/api/v1/profile');
    }
    assert.equal(network.count(refresh), 4);
    assert.deepEqual(reasons, []);
  } finally {
    await strict.stop();
  }
});

test('losing every response and restarting the app keeps the session', async () => {
  const phone = await signedIn();
  phone.network.expireLastToken();
  phone.network.lost = 3;
  await assert.rejects(phone.client.call('get', '/api/v1/profile'), NetworkError);
  const { client } = restarted(phone);
  assert.equal((await client.call('get', '/api/v1/profile')).email, phone.email);
});

test('being offline keeps the session', async () => {
  const { client, network, clock, reasons } = await signedIn();
  clock.now += 3_600_000;
  network.offline = true;
  await assert.rejects(client.call('get', '/api/v1/profile'), NetworkError);
  assert.equal(await client.isSignedIn(), true);
  network.offline = false;
  await client.call('get', '/api/v1/profile');
  assert.deepEqual(reasons, []);
});

test('the login page of a hotel\'s network keeps the session', async () => {
  await Promise.all([200, 401, 403, 502].map(async (status) => {
    const { client, network, clock, reasons } = await signedIn();
    clock.now += 3_600_000;
    network.instead.set(refresh, () => new Response('<html>', { status, headers: { 'Content-Type': 'text/html' } }));
    await assert.rejects(client.call('get', '/api/v1/profile'), NetworkError);
    network.instead.clear();
    await client.call('get', '/api/v1/profile');
    assert.deepEqual(reasons, []);
  }));
});

test('a session that ended elsewhere signs out once', async () => {
  const { client, reasons, email, storage } = await signedIn();
  const other = newPhone();
  await other.client.logIn({ email, password });
  await other.client.logOut('others');
  const calls = Array.from({ length: 10 }, () => client.call('get', '/api/v1/profile'));
  for (const { status, reason } of await Promise.allSettled(calls) as PromiseRejectedResult[]) {
    assert.equal(status, 'rejected');
    assert.ok(reason instanceof SignedOutError, String(reason));
    assert.equal(reason.code, 'session_revoked');
  }
  assert.deepEqual(reasons, ['session_revoked']);
  assert.equal(await client.isSignedIn(), false);
  assert.equal(await storage.get('latchkey.refresh_token'), 'logged_out');
  assert.equal((await other.client.call('get', '/api/v1/profile')).email, email);
});

test('logging out ends the session on the server', async () => {
  const phone = await signedIn();
  const kept = await phone.storage.get('latchkey.refresh_token');
  await phone.client.logOut();
  await phone.storage.set('latchkey.refresh_token', kept!);
  const { client, reasons } = restarted(phone);
  await assert.rejects(client.call('get', '/api/v1/profile'), { name: 'SignedOutError', code: 'session_revoked' });
  assert.deepEqual(reasons, ['session_revoked']);
});

test('logging out while offline forgets the session here, and reports that the server was not reached', async () => {
  const { client, network, reasons } = await signedIn();
  network.offline = true;
  await assert.rejects(client.logOut(), NetworkError);
  assert.equal(await client.isSignedIn(), false);
  assert.deepEqual(reasons, ['logged_out']);
});

test('a refresh that is under way during a logout does not bring the session back', async () => {
  const { client, clock } = await signedIn();
  clock.now += 3_600_000;
  const call = client.call('get', '/api/v1/profile').catch(() => undefined);
  await client.logOut();
  await call;
  assert.equal(await client.isSignedIn(), false);
  assert.equal(client.user, undefined);
});

test('a token that can\'t be stored is stored before the next refresh', async () => {
  const phone = await signedIn();
  const { client, network, storage, reasons } = phone;
  storage.failing = true;
  network.expireLastToken();
  await client.call('get', '/api/v1/profile'); // the new access token is valid
  network.expireLastToken();
  await assert.rejects(client.call('get', '/api/v1/profile'), StorageError);
  assert.equal(network.count(refresh), 1, 'the stored token, which a restart needs, is not redeemed again');
  storage.failing = false;
  await client.call('get', '/api/v1/profile');
  assert.equal((await restarted(phone).client.call('get', '/api/v1/profile')).email, phone.email);
  assert.deepEqual(reasons, []);
});

test('a token that can\'t be stored, and a restart of the app, keep the session', async () => {
  const phone = await signedIn();
  phone.storage.failing = true;
  phone.network.expireLastToken();
  await phone.client.call('get', '/api/v1/profile');
  phone.storage.failing = false;
  assert.equal((await restarted(phone).client.call('get', '/api/v1/profile')).email, phone.email);
});

for (const [direction, day] of [['ahead', 86_400_000], ['behind', -86_400_000]] as const) {
  test(`the device's clock may be a day ${direction}`, async () => {
    const { client, network } = await signedIn();
    mock.timers.enable({ apis: ['Date'], now: Date.now() + day });
    try {
      await client.call('get', '/api/v1/profile');
      assert.equal(network.count(refresh), 0);
      network.expireLastToken();
      await client.call('get', '/api/v1/profile');
      assert.equal(network.count(refresh), 1);
    } finally {
      mock.timers.reset();
    }
  });
}

test('two tabs share a session', async () => {
  const one = await signedIn();
  const other = restarted(one);
  for (let round = 0; round < 3; round++) {
    one.clock.now += 3_600_000;
    other.clock.now += 3_600_000;
    await Promise.all([one, other].map(({ client }) => client.call('get', '/api/v1/profile')));
  }
  await one.client.logOut();
  await assert.rejects(other.client.call('get', '/api/v1/profile'), { code: 'session_revoked' });
  assert.deepEqual(other.reasons, ['session_revoked']);
});

test('with Web Locks the second tab presents the token that the first one got', async () => {
  const held = new Map<string, Promise<unknown>>();
  const request = (name: string, _options: unknown, work: () => Promise<unknown>) => {
    const result = (held.get(name) ?? Promise.resolve()).then(work);
    held.set(name, result.catch(() => undefined));
    return result;
  };
  Object.defineProperty(globalThis, 'navigator', { value: { locks: { request } }, configurable: true });
  const one = await signedIn();
  const other = restarted(one);
  one.clock.now += 3_600_000;
  await Promise.all([one, other].map(({ client }) => client.call('get', '/api/v1/profile')));
  Reflect.deleteProperty(globalThis, 'navigator');
  const presented = [one, other].flatMap(({ network }) => network.requests).filter(({ call }) => call === refresh);
  assert.equal(new Set(presented.map(({ body }) => body)).size, 2);
});

test('a call is not repeated as somebody else', async () => {
  const one = await signedIn();
  const { email } = await signedIn();
  const other = restarted(one);
  await other.client.logOut();
  await other.client.logIn({ email, password });
  const change = one.client.call('patch', '/api/v1/profile', { body: { first_name: 'Eve' } });
  await assert.rejects(change, { code: 'session_revoked' });
  assert.equal((await other.client.call('get', '/api/v1/profile')).first_name, 'Ann');
});

test('a call waits for Retry-After, and fails if that is too long', async () => {
  const { client, network } = await signedIn();
  const call = 'GET /api/v1/profile';
  const problem = { type: 'about:blank', title: '', status: 503, detail: '', code: 'overloaded', request_id: '1' };
  const busy = (seconds: string) => () => {
    if (seconds === '0') network.instead.delete(call);
    const headers = { 'Content-Type': 'application/problem+json', 'Retry-After': seconds };
    return new Response(JSON.stringify(problem), { status: 503, headers });
  };
  const before = network.count(call);
  network.instead.set(call, busy('0'));
  await client.call('get', '/api/v1/profile');
  assert.equal(network.count(call), before + 2);
  network.instead.set(call, busy('3600'));
  await assert.rejects(client.call('get', '/api/v1/profile'), { code: 'overloaded', retryAfter: 3600 });
  assert.equal(network.count(call), before + 3);
});

test('a call can be aborted, and times out', async () => {
  const { client } = await signedIn();
  const reason = new Error('the screen was closed');
  await assert.rejects(client.call('get', '/api/v1/profile', { signal: AbortSignal.abort(reason) }), reason);
  const hanging: typeof fetch = (_, init) => new Promise((_resolve, reject) => {
    init?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
  });
  const { client: waiting } = newPhone({ fetch: hanging, timeout: 0.01 });
  await assert.rejects(waiting.logIn({ email: 'ann@example.com', password }), NetworkError);
});

test('a call can be aborted in React Native, whose signals have neither throwIfAborted nor a reason', async () => {
  const { client, email } = await signedIn();
  const controller = new ReactNativeAbortController();
  const signal = controller.signal as AbortSignal;
  assert.equal((await client.call('get', '/api/v1/profile', { signal })).email, email);
  controller.abort();
  await assert.rejects(client.call('get', '/api/v1/profile', { signal }), { name: 'AbortError' });
});

test('a call that needs no session is made although the session has ended', async () => {
  const { client, reasons, email, clock } = await signedIn();
  const other = newPhone();
  await other.client.logIn({ email, password });
  await other.client.logOut('others');
  clock.now += 3_600_000;
  await client.call('post', '/api/v1/password/forgot', { body: { email } });
  assert.deepEqual(reasons, ['session_revoked']);
});

test('fetch sends the token to other services, and refreshes it once after a 401', async () => {
  const { client, network } = await signedIn();
  const url = `${serverURL()}/api/v1/profile`;
  network.expireLastToken();
  assert.equal((await client.fetch(url)).status, 200);
  assert.equal(network.count(refresh), 1);
  network.instead.set('GET /api/v1/profile', () => new Response('', { status: 401 }));
  assert.equal((await client.fetch(url)).status, 401);
  assert.equal(network.count(refresh), 2);
});

test('a path\'s parameters are escaped', async () => {
  const { client, network } = await signedIn();
  const ending = client.call('delete', '/api/v1/sessions/{id}', { path: { id: '../profile' } });
  await assert.rejects(ending, { code: 'session_not_found' });
  assert.equal(network.requests.at(-1)?.call, 'DELETE /api/v1/sessions/..%2Fprofile');
  await assert.rejects(client.call('delete', '/api/v1/sessions/{id}', { path: { id: '..' } }), TypeError);
});

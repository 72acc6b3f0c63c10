// The scripts that run inside Postman before and after its requests. The generator copies the body of each function into the
// collection, so it may use pm and the collection's variables, and nothing else from outside of itself.

/* global pm */

/** Before every request: refreshes an access token that is about to expire. */
export function refreshExpiredToken() {
  const variables = pm.collectionVariables;
  const refreshToken = variables.get('refresh_token');
  const margin = 5000; // milliseconds, for the time that the request itself takes
  if (refreshToken && Date.now() > Number(variables.get('access_token_expires_at')) - margin) {
    pm.sendRequest({
      url: pm.variables.replaceIn('{{base_url}}/api/v1/token/refresh'),
      method: 'POST',
      header: { 'Content-Type': 'application/json' },
      body: { mode: 'raw', raw: JSON.stringify({ refresh_token: refreshToken }) },
    }, (error, response) => {
      if (error || response.code !== 200) return; // the request itself will fail and show why
      const tokens = response.json();
      variables.set('access_token', tokens.access_token);
      variables.set('access_token_expires_at', String(Date.now() + tokens.expires_in * 1000));
      variables.set('previous_refresh_token', refreshToken);
      variables.set('refresh_token', tokens.refresh_token);
    });
  }
}

/** Before a sign-up: invents an account that does not exist yet, so that the collection can run as often as you like. */
export function inventAccount() {
  const variables = pm.collectionVariables;
  variables.set('email', pm.variables.replaceIn('ann-{{$randomUUID}}@example.com'));
  variables.set('password', 'plum tree by the gate');
  variables.set('new_password', 'pear tree by the gate');
  variables.set('new_email', pm.variables.replaceIn('anna-{{$randomUUID}}@example.com'));
}

/**
 * Before a request that needs a token from an email: waits for a new email to {{email}} or {{new_email}} that has `mail` in its
 * subject or link, and stores its code and the token in its link. `mail` is from the recipe.
 */
export function awaitMail(mail) {
  const variables = pm.collectionVariables;
  const mailbox = { url: pm.variables.replaceIn('{{base_url}}/dev/mail'), header: { Accept: 'application/json' } };
  const addresses = [variables.get('email'), variables.get('new_email')];
  const seen = Date.parse(variables.get('mail_sent_at')) || 0;
  const isWanted = ({ to, subject, links, sent_at }) => addresses.includes(to) && Date.parse(sent_at) > seen
    && [subject, ...(links || [])].some((text) => text.includes(mail));
  const look = (attempts) => pm.sendRequest(mailbox, (error, response) => {
    const message = !error && response.code === 200 && response.json().find(isWanted);
    if (!message) return attempts > 0 && setTimeout(() => look(attempts - 1), 200);
    variables.set('mail_sent_at', message.sent_at);
    variables.set('mail_code', message.code || '');
    variables.set('mail_token', ((message.links || []).join(' ').match(/[?&#]token=([^&# ]+)/) || [])[1] || '');
  });
  look(50);
}

/** After a login, a sign-up or a refresh: stores the tokens. */
export function keepTokens() {
  const variables = pm.collectionVariables;
  const tokens = pm.response.json();
  variables.set('previous_refresh_token', variables.get('refresh_token') || '');
  variables.set('refresh_token', tokens.refresh_token);
  variables.set('access_token', tokens.access_token);
  variables.set('access_token_expires_at', String(Date.now() + tokens.expires_in * 1000));
  if (tokens.device_token) variables.set('device_token', tokens.device_token);
}

/** After a logout: removes the tokens. */
export function forgetTokens() {
  const variables = pm.collectionVariables;
  variables.set('previous_refresh_token', variables.get('refresh_token'));
  for (const name of ['access_token', 'access_token_expires_at', 'refresh_token']) variables.set(name, '');
}

/** After a change of the password: swaps the two, so that the next change reverses it. */
export function swapPasswords() {
  const variables = pm.collectionVariables;
  const old = variables.get('password');
  variables.set('password', variables.get('new_password'));
  variables.set('new_password', old);
}

/** After the same refresh token was sent twice: expects the same pair. */
export function expectSamePair() {
  pm.test('the repeated refresh returns the same refresh token', () => {
    pm.expect(pm.response.json().refresh_token).to.equal(pm.collectionVariables.get('refresh_token'));
  });
}

/** After the list of sessions: stores the id of one that can be ended without logging out. */
export function keepOtherSession() {
  const other = pm.response.json().sessions.find((session) => !session.current);
  pm.test('another session is in the list', () => pm.expect(other).to.be.an('object'));
  if (other) pm.collectionVariables.set('other_session_id', other.id);
}

/** After a change of the profile: expects the new name. */
export function expectFirstName() {
  pm.test('the profile has the new name', () => pm.expect(pm.response.json().first_name).to.equal('Anna'));
}

/** After verifying a valid access token. */
export function expectActive() {
  pm.test('the token is active', () => pm.expect(pm.response.json().active).to.equal(true));
}

/** After verifying an invalid token. */
export function expectInactive() {
  pm.test('the response has nothing but active: false', () => pm.expect(pm.response.json()).to.eql({ active: false }));
}

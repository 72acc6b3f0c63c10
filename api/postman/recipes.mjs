// What the contract can't say about running its operations one after the other: their order, what each needs, and what it
// stores for the next. The folders are the contract's tags. The generator fails if an operation has no recipe.
//
// A recipe is
//
//   operation  the operationId in api/openapi.yaml
//   name       the name of the request; by default the operation's summary
//   status     the expected status; by default the operation's first 2xx
//   code       the expected `code` of the error
//   body       members that replace those of the contract's example of the body; null sends no body
//   path       the values of the path's parameters
//   query      the parameters of the query
//   headers    headers to add
//   token      the token to send instead of {{access_token}}; null sends none
//   mail       a part of the subject or the link of the email that the request takes {{mail_token}} or {{mail_code}} from
//   before     functions of scripts.mjs to run before the request
//   after      functions of scripts.mjs to run after a response with the expected status
//
// {{name}} is a variable of the collection. All of them are listed at the end, with their initial values.

import * as scripts from './scripts.mjs';

const account = { email: '{{email}}', password: '{{password}}' };

export const folders = {
  health: [
    { operation: 'live' },
    { operation: 'liveHead', name: 'Check that the process is running, without a body' },
    { operation: 'ready' },
    { operation: 'readyHead', name: 'Check that the service is ready, without a body' },
  ],

  accounts: [
    { operation: 'signUp', body: account, before: [scripts.inventAccount], after: [scripts.keepTokens] },
    { operation: 'signUp', name: 'Sign up with an email that is taken', body: account, status: 400, code: 'validation_error' },
    { operation: 'logIn', body: { ...account, device_token: '{{device_token}}' }, after: [scripts.keepTokens] },
    {
      operation: 'logIn', name: 'Log in with a wrong password', body: { ...account, password: 'not my password' },
      status: 401, code: 'invalid_credentials',
    },
    { operation: 'resendVerification', body: { email: '{{email}}' } },
    { operation: 'verifyEmail', mail: '/verify-email', body: { email: '{{email}}', code: '{{mail_code}}' } },
    { operation: 'forgotPassword', body: { email: '{{email}}' } },
    {
      operation: 'resetPassword', mail: '/reset-password', body: { token: '{{mail_token}}', new_password: '{{new_password}}' },
      after: [scripts.swapPasswords],
    },
    {
      operation: 'resetPassword', name: 'Reset the password again with the same email',
      body: { token: '{{mail_token}}', new_password: '{{new_password}}' }, status: 400, code: 'one_time_token_used',
    },
    { operation: 'logIn', name: 'Log in with the new password', body: account, after: [scripts.keepTokens] },
  ],

  profile: [
    { operation: 'showProfile' },
    {
      operation: 'showProfile', name: 'Read the profile without a token', token: null,
      status: 401, code: 'credentials_missing',
    },
    {
      operation: 'showProfile', name: 'Read the profile with a forged token', token: 'eyJhbGciOiJub25lIn0.e30.',
      status: 401, code: 'token_invalid',
    },
    { operation: 'updateProfile', after: [scripts.expectFirstName] },
    {
      operation: 'updateProfile', name: 'Change a field that can\'t be changed', body: { is_superuser: true },
      status: 400, code: 'validation_error',
    },
    { operation: 'replaceProfile', after: [scripts.expectFirstName] },
    {
      operation: 'changePassword', body: { current_password: '{{password}}', new_password: '{{new_password}}' },
      after: [scripts.swapPasswords],
    },
    {
      operation: 'changePassword', name: 'Change the password to a common one',
      body: { current_password: '{{password}}', new_password: 'password123' }, status: 400, code: 'validation_error',
    },
    { operation: 'exportAccount' },
    { operation: 'changeEmail', body: { new_email: '{{new_email}}', current_password: '{{password}}' } },
    {
      operation: 'verifyEmail', name: 'Confirm the new address', mail: '/verify-email',
      body: { token: '{{mail_token}}', current_password: '{{password}}' },
    },
    { operation: 'undoEmailChange', mail: '/undo-email-change', body: { token: '{{mail_token}}' } },
    {
      operation: 'resetPassword', name: 'Choose a new password after the undo', mail: '/reset-password',
      body: { token: '{{mail_token}}', new_password: '{{new_password}}' }, after: [scripts.swapPasswords],
    },
    { operation: 'logIn', name: 'Log in with the old address', body: account, after: [scripts.keepTokens] },
    { operation: 'deleteAccount', body: { current_password: '{{password}}' } },
    { operation: 'logIn', name: 'Log in to cancel the deletion', body: account, after: [scripts.keepTokens] },
  ],

  tokens: [
    { operation: 'refresh', body: { refresh_token: '{{refresh_token}}' }, after: [scripts.keepTokens] },
    {
      operation: 'refresh', name: 'Send the same refresh token again, as after a lost response',
      body: { refresh_token: '{{previous_refresh_token}}' }, after: [scripts.expectSamePair],
    },
    { operation: 'verify', body: { token: '{{access_token}}' }, after: [scripts.expectActive] },
    {
      operation: 'verify', name: 'Verify an invalid token', body: { token: 'eyJhbGciOiJub25lIn0.e30.' },
      after: [scripts.expectInactive],
    },
  ],

  sessions: [
    { operation: 'logIn', name: 'Log in on another device', body: { ...account, client_name: 'Another device' } },
    { operation: 'listSessions', after: [scripts.keepOtherSession] },
    { operation: 'endSession', path: { id: '{{other_session_id}}' } },
    { operation: 'endSession', name: 'End a session that has ended', path: { id: '{{other_session_id}}' } },
    {
      operation: 'endSession', name: 'End a session that does not exist', path: { id: '01970000-0000-7000-8000-000000000000' },
      status: 404, code: 'session_not_found',
    },
    { operation: 'logOut', after: [scripts.forgetTokens] },
    {
      operation: 'refresh', name: 'Refresh after a logout', body: { refresh_token: '{{previous_refresh_token}}' },
      status: 401, code: 'session_revoked',
    },
  ],

  keys: [{ operation: 'showKeys' }, { operation: 'discover' }],

  contract: [{ operation: 'contractYAML' }, { operation: 'contractJSON' }],
};

/** The initial values of the collection's variables. */
export const variables = {
  email: '',
  password: '',
  new_email: '',
  new_password: '',
  access_token: '',
  access_token_expires_at: '',
  refresh_token: '',
  previous_refresh_token: '',
  device_token: '',
  other_session_id: '',
  mail_sent_at: '',
  mail_token: '',
  mail_code: '',
};

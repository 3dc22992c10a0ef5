// The calculator's API over real HTTP.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { createApp } from '../src/app.js';

describe('the calculator API', () => {
  let server;
  let base;
  before(async () => {
    server = createServer(await createApp());
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${server.address().port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  async function get(query) {
    const response = await fetch(`${base}/api/calculate${query}`);
    return { status: response.status, body: await response.json() };
  }

  async function post(body) {
    const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`${base}/api/calculate`, options);
    return { status: response.status, body: await response.json() };
  }

  it('computes by GET', async () => {
    assert.deepEqual(await get('?expression=7*6'), { status: 200, body: { expression: '7*6', result: 42 } });
    assert.deepEqual(await get('?expression=1%2B2'), { status: 200, body: { expression: '1+2', result: 3 } });
  });

  it('computes by POST', async () => {
    const expression = '(2 + 3) * 4 ^ 2';
    assert.deepEqual(await post({ expression }), { status: 200, body: { expression, result: 80 } });
  });

  it('answers a wrong expression with 400 and the place', async () => {
    const { status, body } = await post({ expression: '1 / 0' });
    assert.equal(status, 400);
    assert.deepEqual(body, { error: 'Division by zero.', code: 'DIVISION_BY_ZERO', position: 3 });
  });

  it('explains what is missing', async () => {
    assert.equal((await get('')).body.code, 'MISSING_EXPRESSION');
    assert.equal((await get('?expression=')).body.code, 'EMPTY');
    assert.equal((await post({ expression: 7 })).body.code, 'MISSING_EXPRESSION');
    assert.match((await get('?expression=1+2')).body.error, /%2B/);
  });

  it('serves its evaluator to the page', async () => {
    const response = await fetch(`${base}/calculator.js`);
    assert.match(response.headers.get('content-type'), /^text\/javascript/);
    assert.match(await response.text(), /export function evaluate/);
  });
});

// What every kind of record has to do, over real HTTP: one call in a test file of its own tests one model.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createApp } from '../../src/app.js';
import { loadModels, TEXT_TYPES } from '../../src/model.js';

const SAMPLES = {
  string: (number) => `Sample ${number}`,
  text: (number) => `First line ${number}\nSecond line`,
  email: (number) => `ada${number}@example.com`,
  url: (number) => `https://example.com/${number}`,
  int: (number) => number,
  number: (number) => number + 0.5,
  bool: (number) => number % 2 === 1,
  date: (number) => `2026-01-${String(number).padStart(2, '0')}`,
  datetime: (number) => `2026-01-${String(number).padStart(2, '0')}T12:30:00Z`,
  choice: (number, field) => field.choices[number % field.choices.length],
};

const WRONG = {
  string: 7,
  text: ['no text'],
  email: 'nobody',
  url: 'javascript:alert(1)',
  int: 1.5,
  number: 'seven',
  bool: 'yes',
  date: '2026-02-30',
  datetime: '2026-01-31 12:30',
  choice: 'none of them',
};

/** A record that passes every check; `number` from 1 to 28 makes them differ. */
export function sample(model, number) {
  return Object.fromEntries(model.fields.map((field) => [field.name, SAMPLES[field.type](number, field)]));
}

export function testRecords(name) {
  const model = loadModels().find((candidate) => candidate.name === name);
  const path = `/api/${model.plural}`;

  describe(`${model.label}: the API`, () => {
    let folder;
    let server;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'records-'));
      server = createServer(await createApp({ dataDirectory: folder }));
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    });
    after(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    });

    async function ask(method, target, body) {
      const response = await fetch(`http://127.0.0.1:${server.address().port}${target}`, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
    }

    it('creates, reads, changes, replaces and deletes', async () => {
      const created = await ask('POST', path, sample(model, 1));
      assert.equal(created.status, 201, JSON.stringify(created.body));
      const own = `${path}/${created.body.id}`;
      assert.equal(created.headers.get('location'), own);
      for (const [field, value] of Object.entries(sample(model, 1))) assert.deepEqual(created.body[field], value, field);
      assert.deepEqual((await ask('GET', own)).body, created.body);

      const field = model.fields[0];
      const changed = await ask('PATCH', own, { [field.name]: sample(model, 2)[field.name] });
      assert.equal(changed.status, 200);
      assert.deepEqual(changed.body[field.name], sample(model, 2)[field.name]);
      assert.equal(changed.body.created_at, created.body.created_at);
      const replaced = await ask('PUT', own, sample(model, 3));
      for (const [name, value] of Object.entries(sample(model, 3))) assert.deepEqual(replaced.body[name], value, name);

      assert.equal((await ask('DELETE', own)).status, 204);
      for (const method of ['GET', 'DELETE']) assert.equal((await ask(method, own)).status, 404, method);
      assert.equal((await ask('PUT', own, sample(model, 1))).status, 404);
    });

    it('lists page by page, sorted and searched', async () => {
      for (let number = 1; number <= 12; number += 1) await ask('POST', path, sample(model, number));
      const first = (await ask('GET', `${path}?per_page=5&sort=id`)).body;
      assert.deepEqual([first.items.length, first.page, first.per_page, first.pages], [5, 1, 5, Math.ceil(first.total / 5)]);
      const second = (await ask('GET', `${path}?per_page=5&page=2&sort=id`)).body;
      assert.ok(second.items[0].id > first.items[4].id);
      const newest = (await ask('GET', `${path}?per_page=1`)).body.items[0];
      assert.ok(newest.id >= second.items.at(-1).id);
      const field = model.fields.find(({ type }) => TEXT_TYPES.has(type) && type !== 'choice');
      if (field) {
        const wanted = sample(model, 12)[field.name].split('\n')[0];
        const found = (await ask('GET', `${path}?search=${encodeURIComponent(wanted.toUpperCase())}`)).body;
        assert.ok(found.total >= 1 && found.items.every((item) => item[field.name].includes(wanted)));
      }
      const none = (await ask('GET', `${path}?search=${encodeURIComponent('%_"\'; DROP TABLE')}`)).body;
      assert.deepEqual([none.items, none.total, none.pages], [[], 0, 1]);
      for (const { name: sort } of model.fields) {
        assert.equal((await ask('GET', `${path}?sort=-${sort}`)).status, 200, sort);
      }
      for (const wrong of ['page=0', 'page=x', 'per_page=101', 'sort=password', `search=${'x'.repeat(201)}`]) {
        assert.equal((await ask('GET', `${path}?${wrong}`)).status, 400, wrong);
      }
    });

    it('says of every field what is wrong with it', async () => {
      for (const field of model.fields) {
        const { status, body } = await ask('POST', path, { ...sample(model, 1), [field.name]: WRONG[field.type] });
        assert.equal(status, 422, field.name);
        assert.deepEqual(Object.keys(body.fields), [field.name]);
        assert.ok(body.error.startsWith(field.label));
        const without = await ask('POST', path, { ...sample(model, 1), [field.name]: null });
        assert.equal(without.status, field.required ? 422 : 201, `${field.name} left out`);
        if (field.max_length) {
          const long = await ask('POST', path, { ...sample(model, 1), [field.name]: 'x'.repeat(field.max_length + 1) });
          assert.match(long.body.fields[field.name], /at most/);
        }
      }
      const unknown = await ask('POST', path, { ...sample(model, 1), surprise: 1 });
      assert.deepEqual(unknown.body.fields, { surprise: 'is not known' });
      assert.equal((await ask('GET', `${path}/nothing`)).status, 404);
    });

    it('is as openapi.json says', async () => {
      const text = await readFile(new URL('../../public/openapi.json', import.meta.url), 'utf8');
      const description = JSON.parse(text);
      assert.deepEqual(Object.keys(description.paths[path]), ['get', 'post']);
      const reference = description.paths[path].post.requestBody.content['application/json'].schema.$ref;
      const schema = description.components.schemas[reference.split('/').at(-1)];
      assert.deepEqual(Object.keys(schema.properties), model.fields.map((field) => field.name));
      assert.deepEqual(schema.required, model.fields.filter((field) => field.required).map((field) => field.name));
    });
  });
}

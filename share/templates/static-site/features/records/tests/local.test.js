// What answers in the browser in place of a server, with a memory in place of the browser's.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { models } from '../scripts/build.js';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const source = readFileSync(path('public/local.js'), 'utf8');
const entities = models(path('model'));

function sample(model, number) {
  const day = String(number).padStart(2, '0');
  const values = {
    string: `Sample ${number}.`, text: `First line ${number}.\nSecond line`, email: `ada${number}@example.com`,
    url: `https://example.com/${number}/`, int: number, number: number + 0.5, bool: number % 2 === 1,
    date: `2026-01-${day}`, datetime: `2026-01-${day}T12:30:00Z`,
  };
  const value = (field) => (field.type === 'choice' ? field.choices[number % field.choices.length] : values[field.type]);
  return Object.fromEntries(model.fields.map((field) => [field.name, value(field)]));
}

const WRONG = {
  string: 7, text: ['no text'], email: 'nobody', url: 'javascript:alert(1)', int: 1.5, number: 'seven', bool: 'yes',
  date: '2026-02-30', datetime: 'noon', choice: 'none of them',
};

for (const model of entities) {
  describe(model.plural, () => {
    let ask;
    const own = `/api/${model.plural}`;
    beforeEach(() => {
      const memory = new Map();
      const localStorage = {
        getItem: (key) => memory.get(key) ?? null,
        setItem: (key, value) => memory.set(key, value),
      };
      const context = { localStorage, URL, fetch: async () => ({ json: async () => ({ entities }) }) };
      runInNewContext(source, context);
      ask = async (method, address, body) => {
        const options = body === undefined ? { method } : { method, body: JSON.stringify(body) };
        const response = await context.answerRequest(address, options);
        const value = await response.json();
        return { status: response.status, ok: response.ok, body: value && JSON.parse(JSON.stringify(value)) };
      };
    });

    it('are made, read, changed, replaced and deleted', async () => {
      const made = await ask('POST', own, sample(model, 1));
      assert.equal(made.status, 201);
      const address = `${own}/${made.body.id}`;
      assert.deepEqual((await ask('GET', address)).body, made.body);
      const [{ name }] = model.fields;
      assert.equal((await ask('PATCH', address, { [name]: sample(model, 2)[name] })).body[name], sample(model, 2)[name]);
      const replaced = (await ask('PUT', address, sample(model, 3))).body;
      for (const [key, value] of Object.entries(sample(model, 3))) assert.equal(replaced[key], value);
      assert.equal((await ask('DELETE', address)).status, 204);
      assert.equal((await ask('GET', address)).status, 404);
    });

    it('are listed by pages, sorted and searched', async () => {
      for (let number = 1; number <= 12; number += 1) await ask('POST', own, sample(model, number));
      const first = (await ask('GET', `${own}?per_page=5&sort=id`)).body;
      assert.deepEqual([first.items.length, first.total, first.pages], [5, 12, 3]);
      assert.equal((await ask('GET', `${own}?per_page=1`)).body.items[0].id, 12);
      for (const field of model.fields) {
        assert.equal((await ask('GET', `${own}?sort=-${field.name}`)).status, 200);
        if (!['string', 'text', 'email', 'url'].includes(field.type)) continue;
        const query = new URLSearchParams({ search: sample(model, 12)[field.name].split('\n')[0].toUpperCase() });
        assert.equal((await ask('GET', `${own}?${query}`)).body.total, 1, field.name);
      }
    });

    it('are refused with what is wrong, by field', async () => {
      for (const field of model.fields) {
        const refused = await ask('POST', own, { ...sample(model, 1), [field.name]: WRONG[field.type] });
        assert.equal(refused.status, 422, field.name);
        assert.deepEqual(Object.keys(refused.body.fields), [field.name]);
        const without = await ask('POST', own, { ...sample(model, 1), [field.name]: null });
        assert.equal(without.status, field.required ? 422 : 201, field.name);
      }
      const unknown = await ask('POST', own, { ...sample(model, 1), surprise: 1 });
      assert.deepEqual(unknown.body.fields, { surprise: 'is not known' });
    });
  });
}

// Both kinds of store do the same, and what they keep is there after a restart.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FileStore, MAX_RECORDS } from '../src/file-store.js';
import { SQLiteStore } from '../src/sqlite-store.js';
import { openStore, sqlite } from '../src/store.js';

const model = {
  name: 'note',
  plural: 'notes',
  fields: [
    { name: 'title', type: 'string', required: true, max_length: 200 },
    { name: 'order', type: 'int' },
    { name: 'done', type: 'bool' },
  ],
};
const ALL = { search: '', sort: 'id', descending: false, offset: 0, limit: 100 };
const module = await sqlite();

async function inFolder(body) {
  const folder = await mkdtemp(join(tmpdir(), 'store-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function tryOut(open) {
  let store = open();
  for (const [title, order, done] of [['b', 2, true], ['A', null, false], ['c 100%', 1, false]]) {
    await store.create('note', { title, order, done });
  }
  const titles = async (options) => (await store.list('note', { ...ALL, ...options })).items.map(({ title }) => title);
  assert.deepEqual(await titles({ sort: 'title' }), ['A', 'b', 'c 100%']);
  assert.deepEqual(await titles({ sort: 'order' }), ['c 100%', 'b', 'A'], 'without a value comes last');
  assert.deepEqual(await titles({ sort: 'order', descending: true }), ['b', 'c 100%', 'A']);
  assert.deepEqual(await titles({ offset: 1, limit: 1 }), ['A']);
  assert.deepEqual(await titles({ search: '100% C' }), ['c 100%'], 'all words, in any order and case');
  assert.deepEqual(await titles({ search: '_' }), []);
  assert.equal((await store.update('note', 1, { done: false })).done, false);
  assert.equal(await store.update('note', 99, { done: true }), undefined);
  assert.equal(await store.remove('note', 3), true);
  assert.equal(await store.remove('note', 3), false);
  const before = await store.list('note', ALL);
  store.close();
  store = open();
  assert.deepEqual(await store.list('note', ALL), before);
  assert.equal((await store.create('note', { title: 'd', order: null, done: false })).id, 4, 'no id is used twice');
  store.close();
}

describe('stores', () => {
  it('keep records in files', () => inFolder((folder) => tryOut(() => new FileStore(folder, [model]))));

  it('keep records in SQLite', { skip: module ? false : 'this Node has no node:sqlite' }, () =>
    inFolder((folder) => tryOut(() => new SQLiteStore(folder, [model], module))),
  );

  it('take over what files have kept', { skip: module ? false : 'this Node has no node:sqlite' }, () =>
    inFolder(async (folder) => {
      const old = new FileStore(folder, [model]);
      await old.create('note', { title: 'kept', order: 7, done: true });
      const store = await openStore(folder, [model]);
      assert.deepEqual((await store.list('note', ALL)).items, (await old.list('note', ALL)).items);
      store.close();
    }),
  );

  it('write many changes at once one after the other, and leave no half-written file', () =>
    inFolder(async (folder) => {
      const store = new FileStore(folder, [model]);
      const titles = Array.from({ length: 20 }, (_, index) => `note ${index}`);
      await Promise.all(titles.map((title) => store.create('note', { title, order: null, done: false })));
      assert.equal((await new FileStore(folder, [model]).list('note', ALL)).total, 20);
      assert.deepEqual(await readdir(folder), ['notes.json']);
    }),
  );

  it('refuse more than they can write in time', () =>
    inFolder(async (folder) => {
      const records = Array.from({ length: MAX_RECORDS }, (_, index) => ({ id: index + 1, title: 'note' }));
      await writeFile(join(folder, 'notes.json'), JSON.stringify({ next_id: MAX_RECORDS + 1, records }));
      const store = new FileStore(folder, [model]);
      await assert.rejects(store.create('note', { title: 'one more' }), { status: 507, code: 'STORE_FULL' });
    }),
  );
});

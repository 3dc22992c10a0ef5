// Records in files, one for each model: written anew as a whole, synced, and put in place by renaming.
// A crash leaves the old file or the new one, never half of one. Only one process may write to a folder.
import { existsSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { HttpError } from './http.js';
import { searchText, searchWords } from './model.js';

/** Most records of one kind: beyond this, writing the whole file for each change takes too long. */
export const MAX_RECORDS = 10_000;

function compare(a, b) {
  if (typeof a === 'string' && typeof b === 'string') [a, b] = [a.toLowerCase(), b.toLowerCase()];
  return a < b ? -1 : a > b ? 1 : 0;
}

async function writeFileAtomically(path, text) {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

export class FileStore {
  kind = 'files';
  #tables = new Map();

  constructor(directory, models) {
    for (const model of models) {
      const path = join(directory, `${model.plural}.json`);
      const content = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { next_id: 1, records: [] };
      const records = new Map(content.records.map((record) => [record.id, record]));
      this.#tables.set(model.name, { model, path, records, nextID: content.next_id, last: Promise.resolve() });
    }
  }

  async list(name, { search, sort, descending, offset, limit }) {
    const { model, records } = this.#tables.get(name);
    const words = searchWords(search);
    const found = [...records.values()].filter((record) => {
      const text = words.length > 0 ? searchText(model, record) : '';
      return words.every((word) => text.includes(word));
    });
    const direction = descending ? -1 : 1;
    found.sort((a, b) => {
      const [left, right] = [a[sort] ?? null, b[sort] ?? null];
      // What has no value comes last, whichever way is up.
      if ((left === null) !== (right === null)) return left === null ? 1 : -1;
      return direction * compare(left, right) || direction * (a.id - b.id);
    });
    return { items: found.slice(offset, offset + limit), total: found.length };
  }

  async get(name, id) {
    return this.#tables.get(name).records.get(id);
  }

  async create(name, values) {
    const table = this.#tables.get(name);
    if (table.records.size >= MAX_RECORDS) {
      throw new HttpError(507, 'STORE_FULL', `There is no room for more than ${MAX_RECORDS}; a newer Node keeps them in SQLite.`);
    }
    const now = new Date().toISOString();
    const record = { id: table.nextID, ...values, created_at: now, updated_at: now };
    await this.#change(table, () => table.records.set(record.id, record), table.nextID + 1);
    return record;
  }

  async update(name, id, values) {
    const table = this.#tables.get(name);
    const record = table.records.get(id);
    if (!record) return undefined;
    const changed = { ...record, ...values, updated_at: new Date().toISOString() };
    await this.#change(table, () => table.records.set(id, changed), table.nextID);
    return changed;
  }

  async remove(name, id) {
    const table = this.#tables.get(name);
    if (!table.records.has(id)) return false;
    await this.#change(table, () => table.records.delete(id), table.nextID);
    return true;
  }

  close() {}

  /** Changes a table and writes it; one write at a time, and each answers after its own is on the disk. */
  async #change(table, apply, nextID) {
    apply();
    table.nextID = nextID;
    const text = `${JSON.stringify({ next_id: table.nextID, records: [...table.records.values()] })}\n`;
    const written = table.last.catch(() => {}).then(() => writeFileAtomically(table.path, text));
    table.last = written;
    await written;
  }
}

// Records in an SQLite database, one table for each model. Columns that a model gains are added to its table.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { searchText, searchWords } from './model.js';

const COLUMN_TYPES = { int: 'INTEGER', bool: 'INTEGER', number: 'REAL' };

// Names come from the models, which hold a-z, 0-9 and _ only; quoted because one may be a word of SQL.
const quoted = (name) => `"${name}"`;

export class SQLiteStore {
  kind = 'sqlite';
  #database;
  #models;

  constructor(directory, models, { DatabaseSync }) {
    this.#database = new DatabaseSync(join(directory, 'app.db'));
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000');
    this.#models = new Map(models.map((model) => [model.name, model]));
    for (const model of models) this.#prepare(model, directory);
  }

  #prepare(model, directory) {
    const table = quoted(model.plural);
    this.#database.exec(
      `CREATE TABLE IF NOT EXISTS ${table} (id INTEGER PRIMARY KEY AUTOINCREMENT, created_at TEXT NOT NULL, ` +
        `updated_at TEXT NOT NULL, search_text TEXT NOT NULL DEFAULT '')`,
    );
    const columns = new Set(this.#database.prepare(`PRAGMA table_info(${table})`).all().map((column) => column.name));
    for (const field of model.fields.filter(({ name }) => !columns.has(name))) {
      this.#database.exec(`ALTER TABLE ${table} ADD COLUMN ${quoted(field.name)} ${COLUMN_TYPES[field.type] ?? 'TEXT'}`);
    }
    // What an older Node has kept in files is taken over once.
    const file = join(directory, `${model.plural}.json`);
    const isEmpty = this.#database.prepare(`SELECT count(*) AS count FROM ${table}`).get().count === 0;
    if (!isEmpty || !existsSync(file)) return;
    for (const record of JSON.parse(readFileSync(file, 'utf8')).records) this.#insert(model, record);
  }

  #columns(model, values) {
    const names = Object.keys(values);
    const kept = names.map((name) => (typeof values[name] === 'boolean' ? Number(values[name]) : (values[name] ?? null)));
    return { names, kept };
  }

  #insert(model, record) {
    const { names, kept } = this.#columns(model, { ...record, search_text: searchText(model, record) });
    const marks = names.map(() => '?').join(', ');
    const sql = `INSERT INTO ${quoted(model.plural)} (${names.map(quoted).join(', ')}) VALUES (${marks})`;
    return Number(this.#database.prepare(sql).run(...kept).lastInsertRowid);
  }

  #record(model, row) {
    if (!row) return undefined;
    const record = { id: row.id };
    for (const { name, type } of model.fields) record[name] = type === 'bool' ? Boolean(row[name]) : row[name];
    return { ...record, created_at: row.created_at, updated_at: row.updated_at };
  }

  async list(name, { search, sort, descending, offset, limit }) {
    const model = this.#models.get(name);
    const words = searchWords(search).map((word) => `%${word.replace(/[\\%_]/g, '\\$&')}%`);
    const condition = words.map(() => "search_text LIKE ? ESCAPE '\\'").join(' AND ') || '1';
    const from = `FROM ${quoted(model.plural)} WHERE ${condition}`;
    const direction = descending ? 'DESC' : 'ASC';
    const order = `${quoted(sort)} IS NULL, ${quoted(sort)} COLLATE NOCASE ${direction}, id ${direction}`;
    const rows = this.#database.prepare(`SELECT * ${from} ORDER BY ${order} LIMIT ? OFFSET ?`).all(...words, limit, offset);
    const { total } = this.#database.prepare(`SELECT count(*) AS total ${from}`).get(...words);
    return { items: rows.map((row) => this.#record(model, row)), total };
  }

  async get(name, id) {
    const model = this.#models.get(name);
    return this.#record(model, this.#database.prepare(`SELECT * FROM ${quoted(model.plural)} WHERE id = ?`).get(id));
  }

  async create(name, values) {
    const now = new Date().toISOString();
    const id = this.#insert(this.#models.get(name), { ...values, created_at: now, updated_at: now });
    return this.get(name, id);
  }

  async update(name, id, values) {
    const model = this.#models.get(name);
    const before = await this.get(name, id);
    if (!before) return undefined;
    const search = searchText(model, { ...before, ...values });
    const { names, kept } = this.#columns(model, { ...values, updated_at: new Date().toISOString(), search_text: search });
    const changes = names.map((column) => `${quoted(column)} = ?`).join(', ');
    this.#database.prepare(`UPDATE ${quoted(model.plural)} SET ${changes} WHERE id = ?`).run(...kept, id);
    return this.get(name, id);
  }

  async remove(name, id) {
    const model = this.#models.get(name);
    return this.#database.prepare(`DELETE FROM ${quoted(model.plural)} WHERE id = ?`).run(id).changes > 0;
  }

  close() {
    this.#database.close();
  }
}

// Where records are kept. Node 22.13 and newer bring SQLite; with an older Node each kind of record is a file of its own.
import { mkdirSync } from 'node:fs';
import { FileStore } from './file-store.js';
import { SQLiteStore } from './sqlite-store.js';

/** SQLite, where this Node has it. */
export async function sqlite() {
  try {
    return await import('node:sqlite');
  } catch {
    return undefined;
  }
}

/** Opens the store in a folder, which is made when it is missing. */
export async function openStore(directory, models) {
  mkdirSync(directory, { recursive: true });
  const module = await sqlite();
  return module ? new SQLiteStore(directory, models, module) : new FileStore(directory, models);
}

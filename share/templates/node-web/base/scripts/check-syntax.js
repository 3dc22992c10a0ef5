// Checks the syntax of every JavaScript file of the project with `node --check`.
// Usage: node scripts/check-syntax.js [folder]
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const SKIPPED = new Set(['node_modules', 'reports', 'coverage']);
const run = promisify(execFile);

async function* sources(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name) && !entry.name.startsWith('.')) yield* sources(path);
    else if (entry.isFile() && /\.[cm]?js$/.test(entry.name)) yield path;
  }
}

const queue = [];
for await (const path of sources(resolve(process.argv[2] ?? '.'))) queue.push(path);
const total = queue.length;
let failed = 0;

async function work() {
  for (let path = queue.pop(); path; path = queue.pop()) {
    try {
      await run(process.execPath, ['--check', path]);
    } catch (error) {
      failed += 1;
      console.error(error.stderr.trim());
    }
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, work));
console.log(`${total} files checked, ${failed} with errors`);
process.exitCode = failed > 0 ? 1 : 0;

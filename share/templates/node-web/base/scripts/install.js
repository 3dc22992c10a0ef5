// Installs exactly what package-lock.json names. Without dependencies there is nothing to do, and npm is not needed.
// Usage: node scripts/install.js [folder]
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(process.argv[2] ?? '.');
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
const count = kinds.reduce((sum, kind) => sum + Object.keys(manifest[kind] ?? {}).length, 0);

if (count === 0) {
  console.log('no dependencies, nothing to install');
} else {
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  if (npm.error) console.error(`npm could not be started: ${npm.error.message}`);
  process.exitCode = npm.status ?? 1;
}

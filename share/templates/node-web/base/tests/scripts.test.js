// The helper scripts of the project.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

function run(script, folder, environment = {}) {
  const path = fileURLToPath(new URL(`../scripts/${script}`, import.meta.url));
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...environment } };
    execFile(process.execPath, [path, folder], options, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

describe('the scripts', () => {
  let folder;
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'scripts-'))));
  after(() => rm(folder, { recursive: true }));

  it('find a syntax error, with its file', async () => {
    await writeFile(join(folder, 'good.js'), 'const a = 1;\n');
    assert.equal((await run('check-syntax.js', folder)).code, 0);
    await writeFile(join(folder, 'bad.js'), 'const = 1;\n');
    const { code, stderr } = await run('check-syntax.js', folder);
    assert.equal(code, 1);
    assert.match(stderr, /bad\.js:1/);
  });

  it('need no npm where nothing is to be installed', async () => {
    await writeFile(join(folder, 'package.json'), '{"name": "empty"}');
    const { code, stdout } = await run('install.js', folder);
    assert.equal(code, 0);
    assert.match(stdout, /nothing to install/);
  });

  it('fail when npm is needed and is not there', async () => {
    await writeFile(join(folder, 'package.json'), '{"dependencies": {"something": "1.0.0"}}');
    const { code, stderr } = await run('install.js', folder, { PATH: join(folder, 'no-programs') });
    assert.equal(code, 1);
    assert.match(stderr, /npm could not be started/);
  });
});

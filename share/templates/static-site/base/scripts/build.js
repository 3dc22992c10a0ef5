// Builds site/ and public/ into dist/: pages get the layout, styles and scripts get names with a digest, and a sitemap is written.
//
// A page is an HTML fragment in site/**/*.html; its first line is a comment with its settings, a JSON object:
//   <!-- {"title": "About", "description": "Who we are", "nav": 2} -->
// Pages with `nav` are in the menu, in that order; those with `date` are news. {{name}} puts a value in, escaped.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export function escapeHTML(text) {
  const names = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return String(text).replace(/[&<>"']/g, (character) => names[character]);
}

/** Splits a page into its settings and its content. */
export function parsePage(text, file) {
  const found = /^<!--\s*(\{.*\})\s*-->\s*\n/.exec(text);
  if (!found) throw new Error(`${file}:1: the first line has to be a comment with a JSON object`);
  let settings;
  try {
    settings = JSON.parse(found[1]);
  } catch (error) {
    throw new Error(`${file}:1: ${error.message}`);
  }
  for (const name of ['title', 'description']) {
    if (typeof settings[name] !== 'string' || settings[name] === '') throw new Error(`${file}:1: ${name} is missing`);
  }
  return { settings, content: text.slice(found[0].length) };
}

/** Puts values into a template: {{name}} escaped, {{{name}}} as it is. A name that does not exist is a mistake. */
export function fill(template, values, file) {
  const value = (name) => {
    if (!Object.hasOwn(values, name)) throw new Error(`${file}: there is no value ${name}`);
    return values[name];
  };
  return template
    .replace(/\{\{\{(\w+)\}\}\}|\{\{(\w+)\}\}/g, (_, raw, name) => (raw ? value(raw) : escapeHTML(value(name))));
}

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1))
    .sort();
}

/** The address of a page: folders end in a slash, index.html is left out. */
export function addressOf(file) {
  if (file === '404.html') return '/404.html';
  return `/${file.replace(/(^|\/)index\.html$/, '$1').replace(/\.html$/, '/')}`;
}

function outputOf(file) {
  return file === '404.html' || file.endsWith('index.html') ? file : file.replace(/\.html$/, '/index.html');
}

/** Copies a folder, with a digest in the names of styles and scripts; gives the new names. */
function copyAssets(source, target) {
  const names = new Map();
  for (const file of files(source)) {
    const digest = createHash('sha256').update(readFileSync(join(source, file))).digest('hex').slice(0, 10);
    const kind = extname(file);
    const renamed = ['.css', '.js'].includes(kind) ? `${file.slice(0, -kind.length)}-${digest}${kind}` : file;
    mkdirSync(dirname(join(target, renamed)), { recursive: true });
    cpSync(join(source, file), join(target, renamed));
    names.set(`/${file}`, `/${renamed}`);
  }
  return names;
}

function newsList(pages) {
  const news = pages.filter(({ settings }) => settings.date).sort((a, b) => b.settings.date.localeCompare(a.settings.date));
  const items = news.map(({ address, settings }) => {
    const date = `<time datetime="${escapeHTML(settings.date)}">${escapeHTML(settings.date)}</time>`;
    return `<li class="card"><h2><a href="${address}">${escapeHTML(settings.title)}</a></h2>${date}<p>${escapeHTML(settings.description)}</p></li>`;
  });
  return `<ul class="news">${items.join('\n')}</ul>`;
}

/** What the site stores in its visitors' browsers, if it does: the models in model/*.json, in the order of the page. */
export function models(folder) {
  if (!existsSync(folder)) return [];
  return files(folder)
    .filter((file) => extname(file) === '.json')
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')))
    .sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
}

/** Builds the site; the new one takes the place of the old one only when it is whole. */
export function build(source = join(ROOT, 'site'), target = join(ROOT, 'dist'), assets = join(ROOT, 'public')) {
  const fresh = `${target}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const site = JSON.parse(readFileSync(join(source, 'site.json'), 'utf8'));
  const names = copyAssets(assets, fresh);
  const layout = readFileSync(join(source, 'layout.html'), 'utf8');
  const pages = files(source)
    .filter((file) => extname(file) === '.html' && file !== 'layout.html')
    .map((file) => ({ file, address: addressOf(file), ...parsePage(readFileSync(join(source, file), 'utf8'), file) }));
  const menu = pages.filter(({ settings }) => settings.nav).sort((a, b) => a.settings.nav - b.settings.nav);
  for (const { file, address, settings, content } of pages) {
    const links = menu.map((page) => {
      const current = page.address === address ? ' aria-current="page"' : '';
      return `<a href="${page.address}"${current}>${escapeHTML(page.settings.menu ?? page.settings.title)}</a>`;
    });
    const values = { ...site, ...settings, site: site.title, year: new Date().getUTCFullYear(), menu: links.join('\n') };
    const body = fill(content, { ...values, news: newsList(pages) }, file);
    let html = fill(layout, { ...values, content: body }, 'layout.html');
    for (const [name, renamed] of names) html = html.replaceAll(`="${name}"`, `="${renamed}"`);
    mkdirSync(dirname(join(fresh, outputOf(file))), { recursive: true });
    writeFileSync(join(fresh, outputOf(file)), html);
  }
  const entities = models(join(source, '..', 'model'));
  if (entities.length > 0) writeFileSync(join(fresh, 'model.json'), JSON.stringify({ entities }));
  const addresses = pages.map(({ address }) => address).filter((address) => address !== '/404.html');
  writeFileSync(join(fresh, 'sitemap.txt'), `${addresses.map((address) => `${site.url ?? ''}${address}`).join('\n')}\n`);
  rmSync(target, { recursive: true, force: true });
  renameSync(fresh, target);
  return pages.length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(`${build()} pages built into dist/`);
  } catch (error) {
    console.error(`site/${error.message}`);
    process.exitCode = 1;
  }
}

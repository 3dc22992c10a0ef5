// Checks the built site: links lead somewhere, pictures have a text, headings and titles are there, nothing is inline.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));

function exists(folder, address) {
  const path = join(folder, decodeURIComponent(address.replace(/[?#].*$/, '')));
  if (!existsSync(path)) return false;
  return statSync(path).isFile() || existsSync(join(path, 'index.html'));
}

/** What is wrong in a page, each with its line. */
export function problems(html, folder) {
  const found = [];
  const say = (index, message) => found.push({ line: html.slice(0, index).split('\n').length, message });
  for (const match of html.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
    const address = match[1];
    if (/^(https:|mailto:|tel:|#|data:)/.test(address)) continue;
    if (!address.startsWith('/')) say(match.index, `${address}: use https: or an address that begins with /`);
    else if (!exists(folder, address)) say(match.index, `${address}: there is no such page or file`);
  }
  for (const match of html.matchAll(/<img\b[^>]*>/g)) {
    if (!/\salt="/.test(match[0])) say(match.index, 'a picture without alt');
  }
  for (const match of html.matchAll(/<(?:style)\b|<script(?![^>]*\ssrc=)|\s(?:style|on[a-z]+)="/g)) {
    say(match.index, 'styles and scripts belong into files');
  }
  if (!/<html lang="[a-z]/.test(html)) say(0, '<html> has no language');
  if (!/<title>[^<]+<\/title>/.test(html)) say(0, 'the page has no title');
  const headings = html.match(/<h1\b/g)?.length ?? 0;
  if (headings !== 1) say(0, `the page has ${headings} headings <h1>; one is right`);
  return found;
}

export function check(folder = DIST) {
  const pages = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.html')).sort();
  return pages.flatMap((page) =>
    problems(readFileSync(join(folder, page), 'utf8'), folder).map((problem) => ({ page, ...problem })),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = check();
  for (const { page, line, message } of found) console.error(`dist/${page}:${line}: ${message}`);
  console.log(found.length === 0 ? 'every page is fine' : `${found.length} problems`);
  if (found.length > 0) process.exitCode = 1;
}

// A page for everything that the application stores: lists, search, pages, and forms made from the models.
const PER_PAGE = 10;
const SEARCH_DELAY_MILLISECONDS = 200;
const MOST_COLUMNS = 6;

const $ = (id) => document.querySelector(`#${id}`);
const [tabs, heading, newButton, newLabel, search, sort, list, pages, status] = [
  'tabs', 'heading', 'new', 'new-label', 'search', 'sort', 'list', 'pages', 'status',
].map($);
const [editor, form, fields, problem, question] = ['editor', 'form', 'fields', 'problem', 'question'].map($);

let models = [];
let model;
let page = 1;
let latest = 0;
let edited = null;
let doomed = null;

/** Makes an element; texts are always set as text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function icon(path) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  for (const [name, value] of Object.entries({ viewBox: '0 0 24 24', width: 20, height: 20, 'aria-hidden': true })) {
    svg.setAttribute(name, value);
  }
  const shape = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  shape.setAttribute('d', path);
  svg.append(shape);
  return svg;
}

const ICONS = {
  edit: 'M4 20h4L19 9l-4-4L4 16v4Zm9.5-13.5 4 4',
  delete: 'M5 7h14M10 7V4.5h4V7m-7.5 0 .8 12.5h9.4L17.5 7M10.5 11v5m3-5v5',
};

async function ask(method, path, body) {
  const options = { method, headers: body === undefined ? {} : { 'content-type': 'application/json' } };
  if (body !== undefined) options.body = JSON.stringify(body);
  // A site without a server brings what answers instead.
  const response = await (globalThis.answerRequest ?? fetch)(path, options);
  if (response.status === 204) return undefined;
  const answer = await response.json().catch(() => ({ error: `The server answered with ${response.status}.` }));
  if (!response.ok) throw Object.assign(new Error(answer.error), { fields: answer.fields ?? {}, status: response.status });
  return answer;
}

function say(text) {
  status.textContent = text;
}

const noun = () => model.label.toLowerCase();
const titleField = () =>
  model.fields.find(({ type }) => type === 'string') ?? model.fields.find(({ type }) => type === 'email') ?? model.fields[0];

function titleOf(record) {
  const value = record[titleField().name];
  return value === null || value === '' ? `${model.label} ${record.id}` : format(titleField(), value);
}

function format(field, value) {
  switch (field.type) {
    case 'date':
      return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(`${value}T00:00:00Z`));
    case 'datetime':
      return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(value));
    case 'int':
    case 'number':
      return new Intl.NumberFormat(undefined, { maximumFractionDigits: 6, useGrouping: field.type === 'number' }).format(value);
    default:
      return String(value);
  }
}

// The list

function columns() {
  const shown = titleField();
  const others = model.fields.filter((field) => field !== shown && field.type !== 'text');
  const marks = others.filter(({ type }) => type === 'bool');
  return [...marks, shown, ...others.filter(({ type }) => type !== 'bool')].slice(0, MOST_COLUMNS);
}

function cell(field, record) {
  const value = record[field.name];
  if (field === titleField()) {
    const button = make('button', { type: 'button', class: 'title', 'data-action': 'edit' }, titleOf(record));
    button.addEventListener('click', () => openEditor(record));
    return button;
  }
  if (field.type === 'bool') {
    const box = make('input', { type: 'checkbox', 'aria-label': `${field.label}: ${titleOf(record)}` });
    box.checked = value;
    box.addEventListener('change', () => toggle(record, field, box));
    return box;
  }
  if (value === null) return make('span', { class: 'nothing', 'aria-label': 'nothing' }, '–');
  if (field.type === 'choice') return make('span', { class: 'badge' }, value);
  if (field.type === 'email') return make('a', { href: `mailto:${value}` }, value);
  if (field.type === 'url') return make('a', { href: value, rel: 'noopener noreferrer' }, new URL(value).host);
  return document.createTextNode(format(field, value));
}

function action(name, label, run) {
  const button = make('button', { type: 'button', class: 'icon-button', 'data-action': name, 'aria-label': label }, icon(ICONS[name]));
  button.addEventListener('click', run);
  return button;
}

function row(record) {
  const isDone = model.fields.some(({ type, name }) => type === 'bool' && /^(is_)?(done|completed?|finished)$/.test(name) && record[name]);
  const cells = columns().map((field) => {
    const isNumber = field.type === 'int' || field.type === 'number';
    const kind = field === titleField() ? 'name' : field.type === 'bool' ? 'mark' : isNumber ? 'value number' : 'value';
    const isEmpty = record[field.name] === null;
    return make('td', { class: isEmpty ? `${kind} empty` : kind, 'data-label': field.label }, cell(field, record));
  });
  const actions = make(
    'td',
    { class: 'buttons' },
    action('edit', `Edit ${titleOf(record)}`, () => openEditor(record)),
    action('delete', `Delete ${titleOf(record)}`, () => openQuestion(record)),
  );
  return make('tr', { class: isDone ? 'record done' : 'record' }, ...cells, actions);
}

function headings() {
  const cells = columns().map((field) => {
    const current = sort.value.replace(/^-/, '') === field.name;
    const order = current ? (sort.value.startsWith('-') ? 'descending' : 'ascending') : undefined;
    const isNumber = field.type === 'int' || field.type === 'number';
    return make('th', { scope: 'col', 'aria-sort': order, class: isNumber ? 'number' : undefined }, field.label);
  });
  return make('tr', {}, ...cells, make('th', { scope: 'col' }, make('span', { class: 'hidden' }, 'Actions')));
}

function nothing() {
  if (search.value.trim()) {
    return make('div', { class: 'empty' }, make('h2', {}, 'Nothing found'), make('p', {}, 'Try other words, or fewer.'));
  }
  const button = make('button', { type: 'button', class: 'button primary' }, `Add the first ${noun()}`);
  button.addEventListener('click', () => openEditor(null));
  const name = model.plural_label.toLowerCase();
  return make('div', { class: 'empty' }, make('h2', {}, `No ${name} yet`), make('p', {}, 'What you add shows up here.'), button);
}

async function load() {
  const ticket = ++latest;
  const wanted = model;
  const query = new URLSearchParams({ page, per_page: PER_PAGE, sort: sort.value, search: search.value.trim() });
  let found;
  try {
    found = await ask('GET', `/api/${wanted.plural}?${query}`);
  } catch (error) {
    if (ticket !== latest) return;
    list.replaceChildren(make('p', { class: 'problem', role: 'alert' }, `The list can't be shown: ${error.message}`));
    pages.hidden = true;
    return;
  }
  // A newer question was asked meanwhile; its answer counts.
  if (ticket !== latest) return;
  if (page > found.pages) {
    page = found.pages;
    await load();
    return;
  }
  if (found.total === 0) {
    list.replaceChildren(nothing());
  } else {
    const caption = make('caption', { class: 'hidden' }, model.plural_label);
    const body = make('tbody', {}, ...found.items.map(row));
    list.replaceChildren(make('table', {}, caption, make('thead', {}, headings()), body));
  }
  pages.hidden = found.pages === 1;
  $('page').textContent = `Page ${found.page} of ${found.pages} · ${found.total} in all`;
  $('previous').disabled = found.page === 1;
  $('next').disabled = found.page === found.pages;
  if (search.value.trim()) say(`${found.total} found`);
}

async function toggle(record, field, box) {
  try {
    await ask('PATCH', `/api/${model.plural}/${record.id}`, { [field.name]: box.checked });
    await load();
    say(`${titleOf(record)}: ${field.label.toLowerCase()} is ${box.checked ? 'on' : 'off'}`);
  } catch (error) {
    box.checked = !box.checked;
    say(error.message);
  }
}

// Forms

const INPUT_TYPES = {
  string: 'text', email: 'email', url: 'url', int: 'number', number: 'number', date: 'date', datetime: 'datetime-local',
};

function control(field, value) {
  const common = { id: `field-${field.name}`, name: field.name, 'aria-describedby': `error-${field.name}` };
  // A box that is not ticked is an answer, too.
  if (field.required && field.type !== 'bool') common['aria-required'] = 'true';
  if (field.type === 'bool') {
    const box = make('input', { ...common, type: 'checkbox' });
    box.checked = value ?? false;
    return box;
  }
  if (field.type === 'choice') {
    const options = field.choices.map((choice) => make('option', { value: choice }, choice));
    if (!field.required) options.unshift(make('option', { value: '' }, 'None'));
    const select = make('select', common, ...options);
    select.value = value ?? (field.required ? field.choices[0] : '');
    return select;
  }
  if (field.type === 'text') {
    const area = make('textarea', { ...common, rows: 4, maxlength: field.max_length });
    area.value = value ?? '';
    return area;
  }
  const input = make('input', { ...common, type: INPUT_TYPES[field.type], maxlength: field.max_length });
  if (field.type === 'number') input.step = 'any';
  if (field.type === 'datetime' && value) {
    const moment = new Date(value);
    value = new Date(moment - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  }
  input.value = value ?? '';
  return input;
}

function fieldRow(field, value) {
  const mark = field.required && field.type !== 'bool' ? make('span', { class: 'required', 'aria-hidden': true }, ' *') : null;
  const label = make('label', { for: `field-${field.name}` }, field.label, mark);
  const error = make('p', { class: 'error', id: `error-${field.name}`, hidden: true });
  const input = control(field, value);
  const parts = field.type === 'bool' ? [make('div', { class: 'tick' }, input, label)] : [label, input];
  return make('div', { class: `field ${field.type}` }, ...parts, error);
}

function openEditor(record) {
  edited = record;
  $('editor-title').textContent = record ? `Edit ${noun()}` : `New ${noun()}`;
  fields.replaceChildren(...model.fields.map((field) => fieldRow(field, record?.[field.name])));
  problem.hidden = true;
  editor.showModal();
  const first = fields.querySelector('input:not([type=checkbox]), select, textarea') ?? fields.querySelector('input');
  first?.focus();
}

function valueOf(field) {
  const input = $(`field-${field.name}`);
  if (field.type === 'bool') return input.checked;
  const text = input.value;
  if (text === '') return null;
  if (field.type === 'int' || field.type === 'number') return Number(text);
  if (field.type === 'datetime') return new Date(text).toISOString();
  return text;
}

function showErrors(errors) {
  let first;
  for (const field of model.fields) {
    const input = $(`field-${field.name}`);
    const error = $(`error-${field.name}`);
    const message = errors[field.name];
    input.toggleAttribute('aria-invalid', false);
    if (message) input.setAttribute('aria-invalid', 'true');
    error.textContent = message ? `${field.label} ${message}.` : '';
    error.hidden = !message;
    if (message) first ??= input;
  }
  first?.focus();
}

/** What a browser refuses to read gives an empty value; it is a mistake all the same. */
function unreadable() {
  const bad = model.fields.filter((field) => $(`field-${field.name}`).validity.badInput);
  return Object.fromEntries(bad.map((field) => [field.name, field.type === 'date' ? 'must be a date' : 'can’t be read']));
}

async function save() {
  const errors = unreadable();
  for (const field of model.fields) {
    const value = valueOf(field);
    const isMissing = value === null || (typeof value === 'string' && value.trim() === '');
    if (field.required && isMissing) errors[field.name] ??= 'is required';
  }
  if (Object.keys(errors).length > 0) {
    showErrors(errors);
    return;
  }
  const values = Object.fromEntries(model.fields.map((field) => [field.name, valueOf(field)]));
  const [method, path] = edited ? ['PUT', `/api/${model.plural}/${edited.id}`] : ['POST', `/api/${model.plural}`];
  $('save').disabled = true;
  try {
    const record = await ask(method, path, values);
    editor.close();
    if (!edited) page = 1;
    await load();
    say(`${titleOf(record)} is saved`);
  } catch (error) {
    showErrors(error.fields ?? {});
    problem.textContent = Object.keys(error.fields ?? {}).length > 0 ? '' : `It is not saved: ${error.message}`;
    problem.hidden = problem.textContent === '';
  } finally {
    $('save').disabled = false;
  }
}

function openQuestion(record) {
  doomed = record;
  $('question-title').textContent = `Delete “${titleOf(record)}”?`;
  $('question-text').textContent = "This can't be undone.";
  question.showModal();
  $('keep').focus();
}

async function remove() {
  try {
    await ask('DELETE', `/api/${model.plural}/${doomed.id}`);
  } catch (error) {
    // Somebody else was faster: it is gone, as was wanted.
    if (error.status !== 404) {
      $('question-text').textContent = `It is not deleted: ${error.message}`;
      return;
    }
  }
  question.close();
  await load();
  say(`${titleOf(doomed)} is deleted`);
  newButton.focus();
}

// Which kind of record is shown

function choose() {
  const wanted = decodeURIComponent(location.hash.slice(1));
  const next = models.find(({ plural }) => plural === wanted) ?? models[0];
  if (next === model) return;
  model = next;
  page = 1;
  search.value = '';
  heading.textContent = model.plural_label;
  newLabel.textContent = `New ${noun()}`;
  document.title = models.length > 1 ? `${model.plural_label} · ${document.title.split(' · ').at(-1)}` : document.title;
  search.placeholder = `Search ${model.plural_label.toLowerCase()}`;
  const names = model.fields.filter(({ type }) => type !== 'text');
  const orders = [['-id', 'Newest first'], ['id', 'Oldest first']];
  for (const { name, label, type } of names) {
    if (type === 'bool') orders.push([name, `${label}: off first`]);
    else orders.push([name, label]);
    if (['date', 'datetime', 'int', 'number'].includes(type)) orders.push([`-${name}`, `${label}, ${type.startsWith('date') ? 'latest' : 'largest'} first`]);
  }
  sort.replaceChildren(...orders.map(([value, label]) => make('option', { value }, label)));
  for (const link of tabs.children) link.toggleAttribute('aria-current', false);
  tabs.querySelector(`[href="#${model.plural}"]`)?.setAttribute('aria-current', 'page');
  load();
}

let waiting;
search.addEventListener('input', () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    page = 1;
    load();
  }, SEARCH_DELAY_MILLISECONDS);
});
$('tools').addEventListener('submit', (event) => event.preventDefault());
sort.addEventListener('change', () => {
  page = 1;
  load();
});
$('previous').addEventListener('click', () => {
  page -= 1;
  load();
});
$('next').addEventListener('click', () => {
  page += 1;
  load();
});
newButton.addEventListener('click', () => openEditor(null));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  save();
});
$('cancel').addEventListener('click', () => editor.close());
$('keep').addEventListener('click', () => question.close());
$('confirm').addEventListener('click', remove);
window.addEventListener('hashchange', choose);

try {
  models = (await ask('GET', '/api/model')).entities;
  tabs.replaceChildren(...models.map(({ plural, plural_label: label }) => make('a', { href: `#${plural}` }, label)));
  tabs.hidden = models.length < 2;
  choose();
} catch (error) {
  list.replaceChildren(make('p', { class: 'problem', role: 'alert' }, `The page can't be shown: ${error.message}`));
}

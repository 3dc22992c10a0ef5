// Light or dark: the visitor's choice if there is one, else what the system prefers. Loaded before the page is drawn.
const KEY = 'theme';

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

const choice = stored();
if (choice === 'light' || choice === 'dark') document.documentElement.dataset.theme = choice;

function current() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
}

document.addEventListener('DOMContentLoaded', () => {
  const button = document.querySelector('#theme');
  const show = () => button.setAttribute('aria-pressed', String(current() === 'dark'));
  button.addEventListener('click', () => {
    const next = current() === 'dark' ? 'light' : 'dark';
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // Private windows may refuse storage; the choice then holds for this page.
    }
    show();
  });
  show();
});

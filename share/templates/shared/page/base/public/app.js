// Asks the server how it is, and says hello.
const state = document.querySelector('#state');
const dot = document.querySelector('#dot');
const uptime = document.querySelector('#uptime');
const form = document.querySelector('#hello');
const greeting = document.querySelector('#greeting');

function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

async function ask(path) {
  const response = await fetch(path);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

async function showState() {
  try {
    const health = await ask('/health');
    state.textContent = 'Everything works';
    uptime.textContent = duration(health.uptime_seconds);
    dot.className = 'dot good';
  } catch {
    state.textContent = 'No answer';
    dot.className = 'dot bad';
  }
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const name = form.elements.name.value.trim() || 'world';
  try {
    const answer = await ask(`/api/info?name=${encodeURIComponent(name)}`);
    greeting.textContent = answer.greeting;
  } catch (error) {
    greeting.textContent = error.message;
  }
});

await showState();
setInterval(showState, 10_000);

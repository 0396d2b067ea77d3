const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #0a7a6a; --bad: #c0392b;
  --warn: #b58900; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 78rem; margin: 0 auto; padding: 1rem; }
header { display: flex; flex-wrap: wrap; gap: 1rem; align-items: baseline; }
h1 { margin: 0; } h1 a { color: inherit; text-decoration: none; }
h2 { border-bottom: 1px solid var(--line); margin-top: 2rem; }
a { color: var(--accent); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0;
  border-bottom: 1px solid var(--soft); white-space: nowrap; }
td.text { white-space: normal; min-width: 14rem; overflow-wrap: anywhere; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
small { opacity: .75; display: block; }
.state { border-radius: 6px; padding: .1rem .45rem; background: var(--soft); }
.ok, .succeeded, .closed { color: var(--accent); }
.failing, .failed, .timed_out, .crashed, .given_up, .open { color: var(--bad); }
.paused, .skipped, .half_open, .running { color: var(--warn); }
form.filters { display: flex; flex-wrap: wrap; gap: .6rem; align-items: end; margin: 1rem 0; }
form.filters label { display: grid; font-size: .85em; }
input, select, button { font: inherit; padding: .2rem .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; }
dt { opacity: .75; } dd { margin: 0; overflow-wrap: anywhere; }
.problem { border-left: 4px solid var(--bad); padding: .3rem .8rem; background: var(--soft); }
.simulated { background: var(--warn); color: #000; padding: .3rem .6rem; border-radius: 6px; }
[hidden] { display: none; }
`;

/**
 * The page is made by the server, with every text escaped; the script asks for it with the token of
 * this tab and takes over its parts. Without the script a browser signs in by HTTP itself.
 */
const SCRIPT = `
const KEY = "chandlery-token";
const byId = (id) => document.getElementById(id);
const main = document.querySelector("main");
const token = () => sessionStorage.getItem(KEY);
const say = (text) => { byId("note").textContent = text; };
let shown = "shown" in main.dataset;

function signedIn(yes) {
  byId("sign-in").hidden = yes;
  byId("sign-out").hidden = !token();
  for (const button of document.querySelectorAll("[data-post]")) button.hidden = !token();
}
async function ask(path, options = {}) {
  const headers = { ...options.headers, authorization: "Bearer " + token() };
  const response = await fetch(path, { ...options, headers, cache: "no-store" });
  if (response.status === 401 || response.status === 403) {
    sessionStorage.removeItem(KEY);
    signedIn(false);
    throw new Error("This token does not suffice: sign in again");
  }
  return response;
}
async function reasonOf(response) {
  const text = await response.text();
  try { return JSON.parse(text).error.message; } catch { return "HTTP " + response.status; }
}
async function show() {
  const response = await ask(location.href, { headers: { accept: "text/html" } });
  const type = response.headers.get("content-type") || "";
  if (!type.startsWith("text/html")) throw new Error(await reasonOf(response));
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const part = (id) => page.getElementById(id);
  if (shown && !response.ok) throw new Error(page.querySelector("main").textContent.trim());
  if (shown) {
    for (const old of main.querySelectorAll("[data-live]")) if (part(old.id)) old.replaceWith(part(old.id));
  } else {
    document.title = page.title;
    main.replaceChildren(...page.querySelector("main").childNodes);
    shown = response.ok;
  }
  signedIn(true);
}
const trying = (work) => async (event) => {
  try { await work(event); } catch (error) { say(error.message); }
};
byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, byId("token").value.trim());
  byId("token").value = "";
  say("");
  trying(show)();
});
byId("sign-out").addEventListener("click", () => {
  sessionStorage.removeItem(KEY);
  location.reload();
});
document.addEventListener("click", trying(async (event) => {
  const button = event.target.closest("[data-post]");
  const file = event.target.closest("[data-file]");
  if (file && token()) {
    event.preventDefault();
    const response = await ask(file.href);
    if (!response.ok) throw new Error(await reasonOf(response));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = file.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }
  if (!button) return;
  const asks = "reason" in button.dataset;
  const reason = asks ? prompt("Why? Those who look later will read it.", "") : undefined;
  if (reason === null) return;
  button.disabled = true;
  try {
    const body = asks ? JSON.stringify({ reason: reason.slice(0, 500) }) : undefined;
    const headers = asks ? { "content-type": "application/json" } : {};
    const response = await ask(button.dataset.post, { method: "POST", headers, body });
    say(response.ok ? button.dataset.done : await reasonOf(response));
    await show();
  } finally {
    button.disabled = false;
  }
}));
setInterval(() => {
  if (token() && shown && !document.hidden) trying(show)();
}, 15000);
byId("token").autocomplete = "current-password";
if (token()) trying(show)();
else signedIn(shown);
`;

/** The parts of the page that its Content-Security-Policy names by their hashes. */
export const CRAWLERS_INLINE = { style: STYLE, script: SCRIPT } as const;

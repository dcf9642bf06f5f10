/** The page as Express renders it: it says who is signed in before any script has run. */
import type { Account } from "./app.ts";

const entities = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
]);
const escape = (text: string): string => text.replace(/[&<>"]/g, (one) => entities.get(one) ?? one);

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M8 1.5 15 14H1Z' fill='%233b73e0'/%3E%3C/svg%3E";

/**
 * Renders the page.
 *
 * @param account what the session says
 * @param refusal why a login failed
 */
export function toPage({ user, views = 0, clicks = 0 }: Account, refusal = ""): string {
  const name = user === undefined ? "" : escape(user);
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>One login · Prism with Express</title>
    <link rel="icon" href="${icon}" />
    <link rel="stylesheet" href="/static/style.css" />
    <script type="module" src="/static/page.js"></script>
  </head>
  <body>
    <header class="top">
      <svg class="mark" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1.5 15 14H1Z" /></svg>
      <h1>One login</h1>
      <p class="status" id="status" role="status" data-state="connecting" hidden>
        <span class="dot" aria-hidden="true"></span><span id="status-text">Connecting…</span>
      </p>
    </header>
    <main>
      <section class="card" aria-labelledby="who-title">
        <header>
          <h2 id="who-title">Who you are</h2>
          <p class="verdict" id="verdict" role="status"></p>
        </header>
        <dl class="answers">
          <div>
            <dt><b>Express</b> <span>over HTTP, at <code>/me</code></span></dt>
            <dd id="express">${name || "nobody"}</dd>
          </div>
          <div>
            <dt><b>Hono</b> <span>over HTTP, at <code>/api/me</code></span></dt>
            <dd id="hono">–</dd>
          </div>
          <div>
            <dt><b>Prism</b> <span>over this page’s socket</span></dt>
            <dd id="prism">–</dd>
          </div>
        </dl>
        <noscript><p class="hint">Without scripts there is no socket, and nobody asks Hono. Express knows you all the same.</p></noscript>
      </section>

      <section class="card" id="signed-out" aria-labelledby="in-title"${name && " hidden"}>
        <header><h2 id="in-title">Sign in</h2></header>
        <p class="notice" id="notice" role="status" hidden></p>
        <form id="login" method="post" action="/login">
          <label>Name <input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required /></label>
          <label>Password <input id="password" name="password" type="password" autocomplete="current-password" required /></label>
          <p class="buttons">
            <button type="submit">Sign in</button>
            <button class="quiet" type="submit" id="by-socket" name="by" value="socket" hidden>Sign in over the socket</button>
          </p>
          <p class="refusal" id="refusal" role="alert">${escape(refusal)}</p>
        </form>
        <p class="hint">Try <code>ada</code> with <code>engine</code>, or <code>grace</code> with <code>compiler</code>.</p>
      </section>

      <section class="card" id="signed-in" aria-labelledby="out-title"${name ? "" : " hidden"}>
        <header>
          <h2 id="out-title">Signed in as <span id="user">${name}</span></h2>
          <form id="logout" method="post" action="/logout"><button class="quiet" type="submit">Sign out</button></form>
        </header>
        <p class="hint">Signing out in one tab closes the sockets of all of them.</p>
      </section>

      <section class="card" aria-labelledby="data-title">
        <header>
          <h2 id="data-title">In your session</h2>
          <button class="quiet" type="button" id="count" disabled>Count a click</button>
        </header>
        <dl class="figures">
          <div>
            <dt>Views (Express)</dt>
            <dd id="views">${views}</dd>
          </div>
          <div>
            <dt>Clicks (Prism)</dt>
            <dd id="clicks">${clicks}</dd>
          </div>
        </dl>
      </section>

      <section class="card" aria-labelledby="people-title">
        <header><h2 id="people-title">Here now</h2></header>
        <ul class="people" id="people"><li class="nobody">Not connected</li></ul>
      </section>
    </main>
  </body>
</html>
`;
}

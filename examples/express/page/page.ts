/** The page's script, bundled by build.ts: who you are, by HTTP and by the socket, and signing in and out. */
import { connect } from "../../../src/client/connect.ts";
import { rpc } from "../../../src/services/rpc/client.ts";
import { isPrismError } from "../../../src/wire/errors.ts";
import type { Account, App } from "../app.ts";
import { peopleClient, type Person } from "../people-client.ts";

const element = <Kind extends HTMLElement = HTMLElement>(id: string): Kind => document.getElementById(id) as Kind;
const text = (id: string, value: string): void => {
  // What stays the same is not read out again.
  if (element(id).textContent !== value) element(id).textContent = value;
};

const client = connect<App>("/prism", {
  services: { account: rpc(), people: peopleClient },
  reconnect: { min: 100, max: 2_000 },
});

/* Who you are. */

const REFUSED = 1008;
const json = { accept: "application/json" };

async function ask(path: string): Promise<Account> {
  const response = await fetch(path, { headers: json, cache: "no-store" });
  if (!response.ok) throw new Error(`${response.status} for ${path}`);
  return (await response.json()) as Account;
}

function show(express: Account, hono: Account, prism: Account): void {
  const users = { express: express.user, hono: hono.user, prism: prism.user };
  for (const [id, user] of Object.entries(users)) {
    text(id, user ?? "nobody");
    element(id).dataset["user"] = user ?? "";
  }
  const agreed = users.express === users.hono && users.hono === users.prism;
  text("verdict", agreed ? "All three agree" : "Not yet agreed");
  element("verdict").dataset["agreed"] = String(agreed);
  text("views", String(express.views ?? 0));
  text("clicks", String(prism.clicks ?? 0));
  view(users.express);
}

/** Shows the form, or whose session it is. */
function view(user: string | undefined): void {
  element("signed-in").hidden = user === undefined;
  element("signed-out").hidden = user !== undefined;
  text("user", user ?? "");
}

let round = 0;
/** Asks all three. Of several rounds the last one counts. */
async function refresh(): Promise<boolean> {
  const own = ++round;
  try {
    const answers = await Promise.all([ask("/me"), ask("/api/me"), client.account.look()]);
    if (own === round) show(...answers);
    return new Set(answers.map(({ user }) => user)).size === 1;
  } catch {
    // The socket went meanwhile. When the next one opens, all are asked again.
    return false;
  }
}

/* The connection. */

const states = {
  connecting: "Connecting…",
  open: "Live",
  suspended: "Connection lost – reconnecting…",
  closed: "Closed",
};

function follow(status: keyof typeof states): void {
  element("status").dataset["state"] = status;
  text("status-text", states[status]);
  element<HTMLButtonElement>("count").disabled = status !== "open";
  if (status !== "open") showPeople(undefined);
}
client.connection.on("status", follow);
for (const id of ["status", "by-socket"]) element(id).hidden = false;
client.connection.on("open", () => {
  element("notice").hidden = true;
  void refresh();
});
client.connection.on("closed", ({ code, reason }) => {
  if (code !== REFUSED) return;
  round++;
  for (const id of ["express", "hono", "prism"]) {
    text(id, "nobody");
    element(id).dataset["user"] = "";
  }
  text("status-text", "Signed out");
  for (const id of ["views", "clicks"]) text(id, "0");
  text("verdict", "");
  text("notice", `You are signed out. The server has closed this page’s socket: ${code}, “${reason}”.`);
  element("notice").hidden = false;
  view(undefined);
});

/* Signing in and out. */

const login = element<HTMLFormElement>("login");

async function signIn(bySocket: boolean): Promise<string | undefined> {
  const [name, password] = [element<HTMLInputElement>("name").value, element<HTMLInputElement>("password").value];
  if (bySocket) {
    client.connection.open();
    try {
      return await client.account.signIn({ name, password });
    } catch (error) {
      if (isPrismError(error, "unauthorized")) return undefined;
      throw error;
    }
  }
  const body = new URLSearchParams({ name, password });
  const response = await fetch("/login", { method: "POST", headers: json, body });
  if (response.status === 401) return undefined;
  if (!response.ok) throw new Error(`${response.status} for /login`);
  client.connection.open();
  return ((await response.json()) as Account).user;
}

/** The socket comes back with the new cookie, or the cookie comes after the socket: until then they differ. */
async function settle(): Promise<void> {
  for (let attempt = 0; attempt < 30; attempt++) {
    if (await refresh()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

login.addEventListener("submit", (event) => {
  event.preventDefault();
  const bySocket = (event.submitter as HTMLButtonElement | null)?.value === "socket";
  text("refusal", "");
  signIn(bySocket).then(
    (user) => {
      if (user === undefined) return text("refusal", "Wrong name or password");
      login.reset();
      return settle();
    },
    () => text("refusal", "The server does not answer"),
  );
});

element("logout").addEventListener("submit", (event) => {
  event.preventDefault();
  // What follows is said by the socket, in all tabs alike.
  void fetch("/logout", { method: "POST", headers: json });
});

/* What the session holds, and who is here. */

element("count").addEventListener("click", () => {
  client.account.count().then(
    (clicks) => text("clicks", String(clicks)),
    () => {},
  );
});

function item(name: string, pages?: number): HTMLElement {
  const item = document.createElement("li");
  item.append(name || "Visitors");
  if (pages !== undefined) {
    const count = document.createElement("span");
    count.textContent = pages === 1 ? "1 page" : `${pages} pages`;
    item.append(" ", count);
  }
  item.classList.toggle("nobody", name === "" || pages === undefined);
  return item;
}

function showPeople(people: readonly Person[] | undefined): void {
  const items = people?.map(({ name, pages }) => item(name, pages)) ?? [item("Not connected")];
  element("people").replaceChildren(...items);
}
client.people.onPeople(showPeople);

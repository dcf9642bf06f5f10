import assert from "node:assert/strict";
import { assertFails, collect, next, type Scenario } from "../stage.ts";

export const services: Readonly<Record<string, Scenario>> = {
  "a service's storage is its own corner": async ({ client: { notes, memos, about } }) => {
    const text = `milk ${Math.random()}`;
    const before = await notes.add(`first ${text}`);
    assert.equal(await notes.add(text), before + 1);
    assert.deepEqual(await about.find(text), { notes: { text }, memos: null });
    await memos.add(text);
    assert.deepEqual(await about.find(text), { notes: { text }, memos: { text } });
  },
  "a service's events are on the app's bus": async ({ client: { notes, memos, about } }) => {
    const text = `eggs ${Math.random()}`;
    await Promise.all([notes.add(text), memos.add(text)]);
    const noted = (await about.noted()).filter((entry) => entry.endsWith(text));
    assert.deepEqual(noted.toSorted(), [`memos: ${text}`, `notes: ${text}`]);
  },
  "a service broadcasts to all, or to all but one": async ({ client, open }) => {
    const other = open();
    await other.connection.opened;
    const [own, others] = [collect<string>(1), collect<string>(2)];
    const off = client.notes.onAdded(own.take);
    other.notes.onAdded(others.take);
    client.notes.tell("to others");
    await client.notes.add("to all");
    assert.deepEqual(await own.all, ["to all"]);
    assert.deepEqual(await others.all, ["to others", "to all"]);
    off();
  },
  "a service hears of those who come and go": async ({ client, open }) => {
    const other = open();
    const id = await other.about.me();
    assert.ok((await client.about.present()).includes(id));
    other.connection.close();
    assert.deepEqual(await client.about.ended(id), { code: 1000, reason: "" });
    assert.ok(!(await client.about.present()).includes(id));
  },
  "a service validates what clients send": async ({ client: { notes } }) => {
    await assertFails(notes.add(1 as never), "bad_input");
  },
  "a service's assets are served, with types and tags": async ({ url }) => {
    const css = await fetch(`${url}/prism/assets/notes/notes.css`);
    assert.equal(css.status, 200);
    assert.equal(css.headers.get("content-type"), "text/css; charset=utf-8");
    assert.equal(await css.text(), "li { color: teal }");
    const etag = css.headers.get("etag") ?? "";
    assert.match(etag, /^"[\w-]+"$/);
    for (const known of [etag, `"other", ${etag}`, `W/${etag}`, "*"]) {
      const again = await fetch(css.url, { headers: { "if-none-match": known } });
      assert.equal(again.status, 304, known);
      assert.equal(again.headers.get("etag"), etag);
      assert.equal(await again.text(), "");
    }
    const changed = await fetch(css.url, { headers: { "if-none-match": '"other"' } });
    assert.equal(changed.status, 200);
    await changed.text();
    const bytes = await fetch(`${url}/prism/assets/notes/dot.bin`);
    assert.equal(bytes.headers.get("content-type"), "application/octet-stream");
    assert.deepEqual(new Uint8Array(await bytes.arrayBuffer()), Uint8Array.of(0, 255, 1));
    for (const path of ["notes/none.css", "notes", "", "../health", "%2e%2e/health", "__proto__"]) {
      const missing = await fetch(`${url}/prism/assets/${path}`);
      assert.equal(missing.status, missing.url.endsWith("/prism/health") ? 200 : 404, path);
      await missing.text();
    }
  },
  "plain HTTP: health, an upgrade without one, and what is not Prism's": async ({ client, url }) => {
    await client.connection.opened;
    const health = (await (await fetch(`${url}/prism/health`)).json()) as { status: string; connections: number };
    assert.equal(health.status, "ok");
    assert.ok(health.connections >= 1);
    for (const [path, status] of [
      ["/prism", 426],
      ["/prism/nothing", 404],
      ["/", 404],
    ] as const) {
      const response = await fetch(url + path);
      assert.equal(response.status, status, path);
      await response.text();
    }
  },
  "admit refuses before the socket opens": async ({ open, url }) => {
    const refused = open({ url: `${url}/prism?user=banned`, reconnect: { min: 1, max: 1 } });
    const call = refused.calls.echo(1);
    const response = await fetch(`${url}/prism/health`);
    await response.text();
    assert.equal(refused.connection.status, "connecting");
    const closed = next(refused, "closed");
    refused.connection.close();
    await closed;
    await assertFails(call, "closed");
  },
};

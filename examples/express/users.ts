/** Two users, and how their passwords are checked. A real site has them in a database, each with a salt of its own. */
import { scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify<string, string, number, Buffer>(scrypt);
const hash = (password: string): Promise<Buffer> => derive(password, "the salt of this example", 32);

const users = new Map([
  ["ada", { name: "Ada", hash: await hash("engine") }],
  ["grace", { name: "Grace", hash: await hash("compiler") }],
]);
const nobody = { name: undefined, hash: await hash("") };

/** The user's name as it is written; `undefined` if the name or the password is wrong, after the same time. */
export async function findUser(name: string, password: string): Promise<string | undefined> {
  const user = users.get(name.trim().toLowerCase()) ?? nobody;
  return timingSafeEqual(await hash(password.slice(0, 200)), user.hash) ? user.name : undefined;
}

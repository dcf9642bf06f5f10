import { createStorage, prefixStorage, type Storage } from "unstorage";
import memory from "unstorage/drivers/memory";
import { prism } from "../../../../src/server/prism.ts";
import type { ServiceStorage } from "../../../../src/service/hosts.ts";

const storage = createStorage({ driver: memory() });
prism({ storage });
prism({ storage: createStorage() });
prism({ storage: createStorage<string>() });
prism({ storage: prefixStorage(storage, "mine") });

export const take = (given: Storage): ServiceStorage => given;

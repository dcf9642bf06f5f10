import { toUtf8 } from "../wire/utf8.ts";
import type { RedisArgument, RedisClient } from "./redis-client.ts";

/** A script that Redis runs in one step. All of its keys are in one hash slot. */
export class RedisScript {
  readonly #text: string;
  #sha: string | undefined;
  /** Whether it was sent as it is, and so can be called by its hash, unless Redis has forgotten it. */
  #known = false;

  constructor(text: string) {
    this.#text = text;
  }

  /** Finds out its hash; where there is no such hash, it is always sent whole. */
  async prepare(): Promise<void> {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-1", toUtf8(this.#text) as Uint8Array<ArrayBuffer>));
    this.#sha = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** Runs it. Until it is known there it is sent whole, so that nothing is overtaken by what is sent after it. */
  async run(client: RedisClient, keys: readonly string[], args: readonly RedisArgument[]): Promise<unknown> {
    if (this.#known && this.#sha !== undefined) {
      try {
        return await client.callBuffer("evalsha", this.#sha, keys.length, ...keys, ...args);
      } catch (error) {
        // It has done nothing, so nothing is done twice.
        if (!(error as Error | undefined)?.message?.startsWith("NOSCRIPT")) throw error;
      }
    }
    const answer = await client.callBuffer("eval", this.#text, keys.length, ...keys, ...args);
    this.#known = true;
    return answer;
  }
}

/** Redis' own time, in ms. */
const now = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function write(number) return string.format("%.0f", number) end
`;

/** Forgets the messages at the head of the stream at KEYS[2] whose time is over; gives the offset and the end of the first one. */
const expire = `
local function expire()
  while true do
    local head = redis.call("XRANGE", KEYS[2], "-", "+", "COUNT", 1)[1]
    if not head then return nil end
    local offset, ends = string.match(head[1], "^(%d+)-(%d+)$")
    if tonumber(ends) > now then return tonumber(offset), tonumber(ends) end
    redis.call("XDEL", KEYS[2], head[1])
  end
end
`;

/**
 * Numbers a message, stores it and publishes it. KEYS: meta, stream, recent. ARGV: where to publish, the body, size, ttl, for
 * how long the offsets go on and for how long the recent ones are remembered, all in ms; the node's number of this message,
 * the least number that it may still ask with again, whether to look for lesser ones, and what names an epoch, should one begin:
 * with the time, so that a Redis that has lost all of it does not give the name again when it is asked again.
 *
 * A message that was stored is not stored again, but answered as it was. One that the node has given up is not stored at all.
 * What is too old is looked for once a second at most: readers look for themselves.
 */
export const publishScript: RedisScript = /* @__PURE__ */ new RedisScript(`${now}${expire}
local size, ttl, number, least = ARGV[3], tonumber(ARGV[4]), ARGV[7], tonumber(ARGV[8])
local known = redis.call("HMGET", KEYS[3], number, "least")
if known[1] then return cjson.decode(known[1]) end
if known[2] and tonumber(number) < tonumber(known[2]) then return {} end

local meta = redis.call("HMGET", KEYS[1], "epoch", "look")
local epoch, look = meta[1], meta[2]
if not epoch then
  epoch = ARGV[10] .. "." .. write(now)
  redis.call("DEL", KEYS[2])
  redis.call("HSET", KEYS[1], "epoch", epoch)
end
local offset = redis.call("HINCRBY", KEYS[1], "offset", 1)
redis.call("XADD", KEYS[2], "MAXLEN", size, write(offset) .. "-" .. write(now + ttl), "b", ARGV[2])
if not look or now >= tonumber(look) then
  local first, ends = expire()
  redis.call("HSET", KEYS[1], "look", write(math.max(ends or 0, now + 1000)))
end
if redis.call("PTTL", KEYS[2]) < ttl then redis.call("PEXPIRE", KEYS[2], ARGV[4]) end
if redis.call("PTTL", KEYS[1]) < ARGV[5] / 2 + ttl then redis.call("PEXPIRE", KEYS[1], write(ARGV[5] + ttl)) end

if ARGV[9] == "1" then
  for _, field in ipairs(redis.call("HKEYS", KEYS[3])) do
    if (tonumber(field) or least) < least then redis.call("HDEL", KEYS[3], field) end
  end
end
redis.call("HSET", KEYS[3], number, cjson.encode({ write(offset), epoch }), "least", ARGV[8])
redis.call("PEXPIRE", KEYS[3], ARGV[6])
redis.call("PUBLISH", ARGV[1], "k" .. write(offset) .. " " .. epoch .. " " .. ARGV[2])
return { write(offset), epoch }`);

/**
 * Reads of the past. KEYS: meta, stream. ARGV: after which offset, or nothing; how many; what names an epoch where nothing is known,
 * or nothing; for how long that is remembered, in ms. Answers the offset and the epoch of the channel, the offset of
 * the last message, and the messages.
 */
export const readScript: RedisScript = /* @__PURE__ */ new RedisScript(`${now}${expire}
local meta = redis.call("HMGET", KEYS[1], "offset", "epoch")
if not meta[2] then
  if ARGV[3] == "" then return { "0", "", "0" } end
  local epoch = ARGV[3] .. "." .. write(now)
  redis.call("DEL", KEYS[2])
  redis.call("HSET", KEYS[1], "offset", "0", "epoch", epoch)
  redis.call("PEXPIRE", KEYS[1], ARGV[4])
  return { "0", epoch, "0" }
end
-- Whoever goes on from here may come back.
if ARGV[3] ~= "" and redis.call("PTTL", KEYS[1]) < ARGV[4] / 2 then redis.call("PEXPIRE", KEYS[1], ARGV[4]) end
local last, limit = tonumber(meta[1]), tonumber(ARGV[2])
local from = expire() or last + 1
local after = tonumber(ARGV[1])
from = math.min(math.max(from, after and after + 1 or last - limit + 1), last + 1)
local to = math.min(last, from + limit - 1)
local answer = { meta[1], meta[2], write(to) }
if to >= from then
  for _, entry in ipairs(redis.call("XRANGE", KEYS[2], write(from), write(to))) do
    answer[#answer + 1] = entry[2][2]
  end
end
return answer`);

/** Tells of a change of the roll at KEYS[1], whose version is at KEYS[2], where ARGV[1] is listened to. */
const tell = `
local function tell(node, key, state)
  local version = redis.call("INCR", KEYS[2])
  redis.call("PUBLISH", ARGV[1], "c" .. write(version) .. " " .. cjson.encode({ node, key, state }))
end
local function done()
  if redis.call("HLEN", KEYS[1]) > 0 then redis.call("PERSIST", KEYS[2]) else redis.call("PEXPIRE", KEYS[2], 86400000) end
end
`;

/**
 * Changes a roll as a node says. KEYS: roll, version. ARGV: where to publish, the node, its life, and of each change the
 * sign, the key and the state. What is so already is not told again.
 */
export const tellScript: RedisScript = /* @__PURE__ */ new RedisScript(`${now}${tell}
local node, life = ARGV[2], ARGV[3]
for i = 4, #ARGV, 3 do
  local key, state = ARGV[i + 1], ARGV[i + 2]
  local field = node .. key
  local before = redis.call("HGET", KEYS[1], field)
  if ARGV[i] == "-" then
    if before then
      redis.call("HDEL", KEYS[1], field)
      tell(node, key)
    end
  elseif before ~= life .. " " .. state then
    redis.call("HSET", KEYS[1], field, life .. " " .. state)
    if not before or string.match(before, "^%d+ (.*)$") ~= state then tell(node, key, state) end
  end
end
done()
return 1`);

/**
 * Takes out what a node has entered in a life that is over, a part of the roll at a time. KEYS: roll, version. ARGV: where to
 * publish, the node, its life, the cursor. Answers the next cursor.
 */
export const takeOutScript: RedisScript = /* @__PURE__ */ new RedisScript(`${now}${tell}
local node, life = ARGV[2], ARGV[3]
local scan = redis.call("HSCAN", KEYS[1], ARGV[4], "MATCH", node .. "*", "COUNT", 1000)
for i = 1, #scan[2], 2 do
  local field, before = scan[2][i], scan[2][i + 1]
  if string.sub(before, 1, #life + 1) == life .. " " and redis.call("HDEL", KEYS[1], field) == 1 then
    tell(node, string.sub(field, #node + 1))
  end
end
done()
return scan[1]`);

/** Who is in a channel. KEYS: roll, version. Answers the version, and the fields and values. */
export const rollScript: RedisScript = /* @__PURE__ */ new RedisScript(`
return { redis.call("GET", KEYS[2]) or "0", redis.call("HGETALL", KEYS[1]) }`);

/**
 * Keeps a node alive. KEYS: lives. ARGV: its life, or nothing; for how long in ms; whether the life begins. Answers whether it
 * lives, and the lives that are over. One that is over is not taken up again, since what it has entered may be on its way out.
 */
export const beatScript: RedisScript = /* @__PURE__ */ new RedisScript(`${now}
local alive = 0
if ARGV[1] ~= "" then
  local ends = tonumber(redis.call("ZSCORE", KEYS[1], ARGV[1]) or "")
  if ARGV[3] == "1" or (ends and ends > now) then
    redis.call("ZADD", KEYS[1], write(now + ARGV[2]), ARGV[1])
    alive = 1
  end
end
return { alive, redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", write(now), "LIMIT", 0, 100) }`);

/** Forgets a life. KEYS: lives. ARGV: the life, and `over` where that is to be so only if it is over. */
export const forgetScript: RedisScript = /* @__PURE__ */ new RedisScript(`${now}
local ends = tonumber(redis.call("ZSCORE", KEYS[1], ARGV[1]) or "")
if ends and (ARGV[2] ~= "over" or ends <= now) then return redis.call("ZREM", KEYS[1], ARGV[1]) end
return 0`);

/** Adds to a set (`+`), takes from it (`-`), removes it (`!`), or answers what is in it. KEYS: the set. ARGV: which, what. */
export const setScript: RedisScript = /* @__PURE__ */ new RedisScript(`
if ARGV[1] == "+" then return redis.call("SADD", KEYS[1], ARGV[2]) end
if ARGV[1] == "-" then return redis.call("SREM", KEYS[1], ARGV[2]) end
if ARGV[1] == "!" then return redis.call("DEL", KEYS[1]) end
return redis.call("SMEMBERS", KEYS[1])`);

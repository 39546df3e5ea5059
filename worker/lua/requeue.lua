-- Put dead letters back into the replay stream, as edited if they were: one by hand, or a step of a replay job.
-- KEYS: 1 dead  2 dead:meta  3 dead:events  4 dead:revisions  5 dead:facets  6 replay  7 totals  8 job  9 its lease
--       10.. the facet indexes that ARGV numbers
-- ARGV: 1 who runs the job, "" when it is no job's  2 lease, ms  3 most bytes of events to move
--       4 where the job stands after all of them; "" says that nothing was left
--       then for each letter: ref, where the job stands after it, how often it had been replayed when it was read,
--       meta of its envelope from now on ("" for one that stays, too old), n, n numbers of facet indexes
-- Returns: {letters dealt with, letters moved}, or {-1, 0} when the job is somebody else's, cancelled or gone.
-- Atomic: an event is in the dead letters before and in the stream after, never in both or in none; the job has
-- counted what was moved, and where it stands. Letters after the most bytes are left for the next call.
-- One that was replayed and has died again since is in other indexes, with another history: it stays.
-- Redis undoes nothing when a script fails half-way. So a key of the wrong type is found before the first write.
local TYPES = {'zset', 'hash', 'hash', 'hash', 'set', 'stream', 'hash', 'hash', 'string'}
for number, key in ipairs(KEYS) do
  local found, wanted = redis.call('TYPE', key).ok, TYPES[number] or 'zset'
  if found ~= 'none' and found ~= wanted then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found)
  end
end

local owner, job = ARGV[1], KEYS[8]
-- Removing nothing: after its first write Redis lets a script's others through even when memory is full.
redis.call('XDEL', KEYS[6], '0-1')
if owner ~= '' then
  local holder = redis.call('GET', KEYS[9])
  if (holder and holder ~= owner) or redis.call('HGET', job, 'state') ~= 'running' then return {-1, 0} end
  redis.call('SET', KEYS[9], owner, 'PX', ARGV[2])
end

local at = 5
local function take()
  local value = ARGV[at]
  at = at + 1
  return value
end

local moved, of_index = {}, {}
local handled, stay, bytes, stands = 0, 0, 0, nil
while at <= #ARGV and bytes <= tonumber(ARGV[3]) do
  local ref, place, replays, envelope = take(), take(), take(), take()
  local first = at + 1
  at = first + tonumber(ARGV[at])
  if envelope == '' then
    stay = stay + 1
  else
    local meta, payload = redis.call('HGET', KEYS[2], ref), redis.call('HGET', KEYS[3], ref)
    -- Found as text: a quote inside a value is escaped, so that only the key itself reads like this.
    if meta and payload and string.match(meta, '"replays":(%d+)') == replays then
      payload = redis.call('HGET', KEYS[4], ref) or payload
      redis.call('XADD', KEYS[6], '*', 'event', payload, 'meta', envelope)
      bytes = bytes + #payload
      moved[#moved + 1] = ref
      for number = first, at - 1 do
        local index = tonumber(ARGV[number])
        local refs = of_index[index] or {}
        of_index[index] = refs
        refs[#refs + 1] = ref
      end
    end
  end
  handled, stands = handled + 1, place
end

if #moved > 0 then
  redis.call('ZREM', KEYS[1], unpack(moved))
  for number = 2, 4 do redis.call('HDEL', KEYS[number], unpack(moved)) end
  for index, refs in pairs(of_index) do
    redis.call('ZREM', KEYS[index], unpack(refs))
    if redis.call('EXISTS', KEYS[index]) == 0 then redis.call('SREM', KEYS[5], KEYS[index]) end
  end
  redis.call('HINCRBY', KEYS[7], 'replayed', #moved)
end
if owner ~= '' then
  if #moved > 0 then redis.call('HINCRBY', job, 'replayed', #moved) end
  if stay > 0 then redis.call('HINCRBY', job, 'expired', stay) end
  if at > #ARGV then stands = ARGV[4] end
  if stands == '' then redis.call('HSET', job, 'state', 'done') else redis.call('HSET', job, 'place', stands) end
end
return {handled, #moved}

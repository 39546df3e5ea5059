-- Give a deliver task its next batch, if the destination may go on: what a silent worker held, else what nobody has.
-- KEYS: 1 inbox  2 retry  3 replay  4 bulk  5 state  6 breaker  7 slices
--       8 lock, where entries may be taken under one only
-- ARGV: 1 token of the task  2 lease, ms  3 most tasks at once  4 group  5 consumer  6 silence, ms
--       7 most events  8 most deliveries  9 most events in a pack  10 lease of a probe, ms
--       11 how many events the task would rather read itself, 0 for never  12 token of the lock  13 its life, ms
-- Returns: {"go" | "probe" | "full" | "paused" | "blocked" | "open", ms to wait,
--           {{stream number, entry id, fields, deliveries so far}, ...}, 1 if there may be more, else 0,
--           how many entries of the inbox the task is to read itself}
-- What passes through a script is copied twice, at 6 us an event. So where many events wait in the inbox and nothing
-- else does, the task is told to read them.
-- "full": as many tasks as may be are at it, and this one, woken by a producer, has no lease of its own.
-- "probe": the breaker lets this one batch through; no other until it has reported, or its probe lease ends.
-- A task that gets less than it could carry has emptied the destination, and its lease ends here: what comes next is
-- somebody's who listens. A crash after this leaves the entries pending for the consumer; they are taken back.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local token, lease, group, consumer = ARGV[1], tonumber(ARGV[2]), ARGV[4], ARGV[5]
local silence, most, pack = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[9])

local function closed(answer, wait)
  redis.call('ZREM', KEYS[7], token)
  return {answer, wait, {}, 0, 0}
end

-- Removing first: after its first write Redis lets a script's others through even when memory is full.
redis.call('ZREMRANGEBYSCORE', KEYS[7], '-inf', now)
if not redis.call('ZSCORE', KEYS[7], token) and redis.call('ZCARD', KEYS[7]) >= tonumber(ARGV[3]) then
  return {'full', -1, {}, 0, 0}
end
local state = redis.call('HMGET', KEYS[5], 'paused', 'blocked_until', 'searched')
if state[1] then return closed('paused', -1) end
local wait = tonumber(state[2] or 0) - now
if wait > 0 then return closed('blocked', wait) end
local answer = 'go'
local breaker = redis.call('HMGET', KEYS[6], 'open_until', 'probe_until')
if breaker[1] then
  wait = math.max(tonumber(breaker[1]), tonumber(breaker[2] or 0)) - now
  if wait > 0 then return closed('open', wait) end
  answer = 'probe'
end
if KEYS[8] then
  if redis.call('GET', KEYS[8]) ~= ARGV[12] then return closed('go', 0) end
  redis.call('PEXPIRE', KEYS[8], ARGV[13]) -- its life counts from what is taken under it
end

-- What a silent worker held. The batch shrinks to an eighth with each death, so that in the end the killer travels
-- alone. The search looks at all that is held, so it is not made for every batch.
local taken = {}
local function entries(number) return number == 4 and math.max(1, math.floor(most / pack)) or most end
local function take_back()
  local limit = most
  for number = 1, 4 do
    local pending = redis.pcall('XPENDING', KEYS[number], group, 'IDLE', silence, '-', '+', most)
    if pending.err then pending = {} end -- no such group: nothing is held
    local found = 0
    for _, held in ipairs(pending) do
      if found >= entries(number) then break end
      local id, deliveries = held[1], held[4]
      local fit = math.max(1, math.floor(most / 8 ^ (deliveries - 1)))
      -- Not sent again, so there is nothing to shrink for. A pack is only taken apart.
      if deliveries >= tonumber(ARGV[8]) or number == 4 then fit = most end
      if #taken >= limit then return end
      if #taken < fit then -- else it waits for a batch as small as it needs
        limit = math.min(limit, fit)
        local entry = redis.call('XCLAIM', KEYS[number], group, consumer, silence, id)[1]
        if entry then
          taken[#taken + 1] = {number, entry[1], entry[2], deliveries}
          found = found + 1
        else
          -- Deleted by somebody else's hand; 6.2 keeps such an id pending for ever.
          redis.call('XACK', KEYS[number], group, id)
        end
      end
    end
  end
end
if now - tonumber(state[3] or 0) >= math.min(1000, silence / 4) then
  take_back()
  if #taken == 0 then redis.call('HSET', KEYS[5], 'searched', now) end
end

local events = 0
local function read(number, count)
  if count < 1 then return 0 end
  local found = redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', KEYS[number], '>')
  if found and found.err then
    -- The group is gone when somebody emptied Redis or deleted the key: make it again, from the first entry.
    redis.call('XGROUP', 'CREATE', KEYS[number], group, '0', 'MKSTREAM')
    found = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', KEYS[number], '>')
  end
  if not found then return 0 end
  for _, entry in ipairs(found[1][2]) do
    taken[#taken + 1] = {number, entry[1], entry[2], 0}
    events = events + 1
    for field = 1, number == 4 and #entry[2] or 0, 2 do
      if entry[2][field] == 'n' then events = events + (tonumber(entry[2][field + 1]) or 1) - 1 end
    end
  end
  return #found[1][2]
end

-- As many packs as surely fit; one at least where there is nothing else, or where `room` was kept for less than one.
local packs_left = false
local function read_packs(room)
  local count, got = math.floor((most - events) / pack), false
  while count > 0 do
    if read(4, count) < count then return end
    count, got = math.floor((most - events) / pack), true
  end
  local one = events == 0 or (room > 0 and not got and most - events <= room)
  packs_left = not one or read(4, 1) == 1
end

-- Nothing new, and yet more entries than are held: somebody removed a consumer with what it held (XGROUP DELCONSUMER)
-- or moved the group on (XGROUP SETID). Nobody would ever be given those again, so they are claimed by force.
local function rescue(number)
  local length = redis.call('XLEN', KEYS[number])
  if length == 0 then return end
  local held = redis.call('XPENDING', KEYS[number], group)[1]
  if length <= held then return end
  for _, entry in ipairs(redis.call('XRANGE', KEYS[number], '-', '+', 'COUNT', held + most)) do
    if #taken >= entries(number) then return end
    if #redis.call('XPENDING', KEYS[number], group, entry[1], entry[1], 1) == 0 then
      redis.call('XCLAIM', KEYS[number], group, consumer, 0, entry[1], 'FORCE', 'JUSTID')
      taken[#taken + 1] = {number, entry[1], entry[2], 0}
    end
  end
end

-- How many events of the inbox the task may read itself.
local function to_read()
  local least = tonumber(ARGV[11])
  if least == 0 or most < least or #taken > 0 or answer ~= 'go' or KEYS[8] then return 0 end
  if redis.call('XLEN', KEYS[2]) > 0 or redis.call('XLEN', KEYS[4]) > 0 then return 0 end
  local length = redis.call('XLEN', KEYS[1])
  if length < least then return 0 end
  local held = redis.pcall('XPENDING', KEYS[1], group)
  if held.err or length - held[1] < least then return 0 end
  return math.min(length - held[1], most)
end

local reading = to_read()
local more = #taken > 0 or reading >= most
if not more and reading == 0 then
  -- Retries first, at most half of it, so that they cannot starve new events; these leave a tenth to the packs, so
  -- that nobody's backlog waits for ever; replays come last.
  local reserved = redis.call('XLEN', KEYS[4]) > 0 and (most > 1 and math.max(1, math.floor(most / 10)) or 0) or -1
  read(2, math.max(1, math.floor(most / 2)))
  read(1, most - events - math.max(0, reserved))
  if reserved >= 0 then read_packs(reserved) end
  read(1, most - events)
  read(2, most - events)
  read(3, most - events)
  more = events >= most or packs_left
  if #taken == 0 then
    for number = 1, 4 do rescue(number) end
    if #taken == 0 and answer == 'probe' then answer = 'go' end
  end
end

if more then
  redis.call('ZADD', KEYS[7], now + lease, token)
else
  redis.call('ZREM', KEYS[7], token)
end
if answer == 'probe' then redis.call('HSET', KEYS[6], 'probe_until', now + tonumber(ARGV[10])) end
return {answer, 0, taken, more and 1 or 0, reading}

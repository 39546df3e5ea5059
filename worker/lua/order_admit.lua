-- Ask whether an update may be sent now, and take its order's lease if so.
-- KEYS: 1 order  2 due
-- ARGV: 1 token  2 ref  3 its time, ms  4 lease, ms  5 silence after which an update is given up on, ms
--       6 seconds an order is remembered
-- Returns: {"go", 0} | {"superseded", 0} | {"wait", ms}
-- It may be sent when no other update of its order is being sent, none that is older is still to be sent, and none
-- that is newer was delivered. Older is by time, and by the place at the claim where times are equal.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local order, token, ref, time = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('EXPIRE', order, ARGV[6])

local fields = redis.call('HGETALL', order)
local lease, lease_until, delivered, mine
local others = {}
for at = 1, #fields, 2 do
  local name, value = fields[at], fields[at + 1]
  if name == 'lease' then lease = value
  elseif name == 'lease_until' then lease_until = tonumber(value)
  elseif name == 'delivered' then delivered = tonumber(value)
  elseif string.sub(name, 1, 2) == 'w:' then
    local t, place, heard = string.match(value, '^(%-?%d+) (%d+) (%d+)')
    local waiting = {ref = string.sub(name, 3), time = tonumber(t), place = tonumber(place), heard = tonumber(heard)}
    if waiting.ref == ref then mine = waiting else others[#others + 1] = waiting end
  end
end
if delivered and time < delivered then return {'superseded', 0} end
-- Redis may have been emptied since, or the event mended so that its time changed.
local place = mine and mine.time == time and mine.place or redis.call('HINCRBY', order, 'places', 1)
redis.call('HSET', order, 'w:' .. ref, table.concat({ARGV[3], place, now, 'r'}, ' '))

if lease and lease ~= token and lease_until > now then return {'wait', math.min(lease_until - now, 5000)} end
local wait = 0
for _, other in ipairs(others) do
  local older = other.time < time or (other.time == time and other.place < place)
  if older and now - other.heard < tonumber(ARGV[5]) then
    local due = redis.call('ZSCORE', KEYS[2], other.ref)
    wait = math.max(wait, due and tonumber(due) - now + 100 or 0, 5000)
  end
end
if wait > 0 then return {'wait', math.ceil(wait)} end
redis.call('HSET', order, 'lease', token, 'lease_until', now + tonumber(ARGV[4]))
return {'go', 0}

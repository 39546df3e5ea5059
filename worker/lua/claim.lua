-- Give a consumer up to N entries: retries first (at most half, so that they cannot starve new events), then the
-- inbox, then replays; what nobody holds and nobody would be given comes when there is nothing else.
-- KEYS: 1 inbox  2 retry  3 replay  4 lock, where entries may be taken under one only
-- ARGV: 1 group  2 consumer  3 most entries  4 token of the lock  5 its life, ms
-- Returns: {{stream number, entry id, fields}, ...}
-- A crash after this leaves the entries pending for the consumer; take_back finds them.
local group, consumer, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local claimed = {}

if KEYS[4] then
  if redis.call('GET', KEYS[4]) ~= ARGV[4] then return {} end
  redis.call('PEXPIRE', KEYS[4], ARGV[5]) -- its life counts from what is taken under it
end

local function read(number, count)
  if count < 1 then return end
  local answer = redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', KEYS[number], '>')
  if answer and answer.err then
    -- The group is gone when somebody emptied Redis or deleted the key: make it again, from the first entry.
    redis.call('XGROUP', 'CREATE', KEYS[number], group, '0', 'MKSTREAM')
    answer = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', KEYS[number], '>')
  end
  if not answer then return end
  for _, entry in ipairs(answer[1][2]) do
    claimed[#claimed + 1] = {number, entry[1], entry[2]}
  end
end

read(2, math.max(1, math.floor(most / 2)))
read(1, most - #claimed)
read(2, most - #claimed)
read(3, most - #claimed)

-- Nothing new, and yet more entries than are held: somebody removed a consumer with what it held (XGROUP DELCONSUMER)
-- or moved the group on (XGROUP SETID). Nobody would ever be given those again, so they are claimed by force.
local function rescue(number)
  local length = redis.call('XLEN', KEYS[number])
  if length == 0 then return end
  local held = redis.call('XPENDING', KEYS[number], group)[1]
  if length <= held then return end
  for _, entry in ipairs(redis.call('XRANGE', KEYS[number], '-', '+', 'COUNT', held + most)) do
    if #claimed >= most then return end
    if #redis.call('XPENDING', KEYS[number], group, entry[1], entry[1], 1) == 0 then
      redis.call('XCLAIM', KEYS[number], group, consumer, 0, entry[1], 'FORCE', 'JUSTID')
      claimed[#claimed + 1] = {number, entry[1], entry[2]}
    end
  end
end
if #claimed == 0 then
  for number = 1, 3 do rescue(number) end
end
return claimed

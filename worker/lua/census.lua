-- Count the payloads of a stream or a hash by the id of the key that they are sealed with, a part at a time.
-- KEYS: 1 a stream, or a hash of payloads, or of metas with payloads
-- ARGV: 1 where the part begins: an entry id ("-" at first) or a cursor ("0" at first)  2 most entries, about
--       3 the magic of a sealed payload  4 "packed" where a line of meta stands before each payload, else ""
-- Returns: {where the next part begins, or "" after the last one; key id ("" for clear), count; and again}
local function key_of(payload)
  if ARGV[4] == 'packed' then payload = string.sub(payload, (string.find(payload, '\n', 1, true) or 0) + 1) end
  if string.sub(payload, 1, #ARGV[3]) ~= ARGV[3] then return '' end
  local first = #ARGV[3] + 2
  return string.sub(payload, first, first - 1 + (string.byte(payload, first - 1) or 0))
end

local counts, following = {}, ''
local function count(payload)
  local id = key_of(payload)
  counts[id] = (counts[id] or 0) + 1
end

if redis.call('TYPE', KEYS[1]).ok == 'stream' then
  local found = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])
  for _, entry in ipairs(found) do
    for field = 1, #entry[2], 2 do
      if entry[2][field] == 'event' or entry[2][field] == 'events' then count(entry[2][field + 1]) end
    end
  end
  if #found >= tonumber(ARGV[2]) then following = '(' .. found[#found][1] end
else
  local found = redis.call('HSCAN', KEYS[1], ARGV[1] == '-' and '0' or ARGV[1], 'COUNT', ARGV[2])
  for field = 2, #found[2], 2 do count(found[2][field]) end
  if found[1] ~= '0' then following = found[1] end
end
local answer = {following}
for id, amount in pairs(counts) do
  answer[#answer + 1] = id
  answer[#answer + 1] = amount
end
return answer

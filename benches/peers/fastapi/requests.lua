-- wrk: each request about another entity, over connections that stay open.
local entities = tonumber(os.getenv("PEER_ENTITIES"))
local path = os.getenv("PEER_PATH")

function init(_)
  math.randomseed(os.time())
end

function request()
  return wrk.format("GET", path .. math.random(1, entities))
end

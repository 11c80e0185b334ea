-- Writes every stanza that a client sends or gets to isthmus_trace_file, one per line:
-- "in ACCOUNT STANZA" or "out ACCOUNT STANZA". For the system tests, which search it for leaks.
module:set_global();

local filters = require "util.filters";
local file = assert(io.open(module:get_option_string("isthmus_trace_file"), "a"));
file:setvbuf("line");

local function log_stanzas(session)
	if session.type ~= "c2s" and session.type ~= "c2s_unauthed" then
		return;
	end
	local function log_as(direction)
		return function (stanza)
			local text = tostring(stanza):gsub("\n", "&#10;");
			file:write(direction, " ", session.full_jid or "-", " ", text, "\n");
			return stanza;
		end
	end
	filters.add_filter(session, "stanzas/in", log_as("in"));
	filters.add_filter(session, "stanzas/out", log_as("out"));
end

function module.load()
	filters.add_filter_hook(log_stanzas);
end

function module.unload()
	filters.remove_filter_hook(log_stanzas);
end

-- A server that went over to the enemy, for the system tests. In isthmus_hostile_folder:
-- while the file "capture" is there, no client's frame is delivered; each line that is appended to
-- "orders" is a stanza, which is delivered as if it came from whom it says.
-- What passes is seen in the traffic of mod_isthmus_trace.
local parse = require "util.xml".parse;
local folder = assert(module:get_option_string("isthmus_hostile_folder"));
local done = 0;

local function is_there(name)
	local file = io.open(folder .. "/" .. name);
	if file then
		file:close();
	end
	return file ~= nil;
end

module:hook("pre-message/full", function (event)
	return event.stanza:get_child("frame", "urn:isthmus:frame:1") and is_there("capture") or nil;
end, 1000);

module:add_timer(0.01, function ()
	local file = io.open(folder .. "/orders");
	if file then
		file:seek("set", done);
		local text = file:read("*a"):match("^.*\n") or "";
		file:close();
		done = done + #text;
		for line in text:gmatch("[^\n]+") do
			module:send(assert(parse(line)));
		end
	end
	return 0.01;
end);

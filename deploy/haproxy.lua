-- Asks the sign-in gate about a request, see haproxy.cfg: lets it go on with what the app is to be sent, or answers as the gate says.

-- What the app is sent comes from the gate's answer alone.
local from_the_gate = { "cookie", "remote-user", "remote-name", "remote-email", "remote-groups", "remote-assertion" }
-- What belongs to one connection, or to a body that is not sent.
local of_the_connection = { ["connection"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["upgrade"] = true, ["expect"] = true, ["keep-alive"] = true }

-- fold is how CGI servers read a header's name.
local function fold(name)
	return (name:lower():gsub("[^a-z0-9]", "-"))
end

local function ask(txn, gate)
	local question = {}
	for name, values in pairs(txn.http:req_get_headers()) do
		if not of_the_connection[name] then
			question[name] = {}
			for i = 0, #values do
				table.insert(question[name], values[i])
			end
		end
	end
	local answer = core.httpclient():get({ url = gate, headers = question, timeout = 5000 })
	if answer.status >= 200 and answer.status < 300 then
		for name in pairs(txn.http:req_get_headers()) do
			for _, ours in ipairs(from_the_gate) do
				if fold(name) == ours then
					txn.http:req_del_header(name)
				end
			end
		end
		for _, name in ipairs(from_the_gate) do
			if answer.headers[name] then
				txn.http:req_add_header(name, answer.headers[name][0])
			end
		end
		if answer.headers["set-cookie"] then
			txn:set_var("txn.sidegate_cookie", answer.headers["set-cookie"][0])
		end
		txn:set_var("txn.sidegate", "allowed")
		return
	end
	if answer.status < 300 then
		return -- the gate cannot be reached: the next rule denies
	end
	local reply = txn:reply()
	reply:set_status(answer.status)
	for name, values in pairs(answer.headers) do
		if not of_the_connection[name] then
			for i = 0, #values do
				reply:add_header(name, values[i])
			end
		end
	end
	reply:set_body(answer.body)
	txn:done(reply)
end

core.register_action("sidegate", { "http-req" }, ask, 1)

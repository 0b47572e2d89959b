-- The program `fanout`: every word to and from the daemon goes through it.
local M = {}

local function words(given)
  return vim.list_extend({ vim.g.fanout_program or "fanout" }, given)
end

--- Pieces of output to whole lines: the first piece goes on where the last one ended.
local function by_lines(on_line)
  local rest = ""
  return function(_, pieces)
    pieces[1] = rest .. pieces[1]
    rest = table.remove(pieces)
    for _, line in ipairs(pieces) do
      on_line(line)
    end
  end
end

--- Starts `fanout GIVEN --json`. Each line of its output is decoded and given to on_message; in the end on_exit gets nil,
--- or one sentence that says what went wrong. The job's number, for jobstop(); 0 where the program
--- cannot be started.
function M.stream(given, on_message, on_exit)
  local complaints = {}
  local started, job = pcall(vim.fn.jobstart, words(vim.list_extend({ "--json" }, given)), {
    on_stdout = by_lines(function(line)
      if line ~= "" then
        on_message(vim.json.decode(line, { luanil = { object = true } }))
      end
    end),
    on_stderr = by_lines(function(line)
      table.insert(complaints, line)
    end),
    on_exit = function(_, code)
      -- 1: the answer was given, and is that a task did not complete.
      local failed = code > 1 or (code == 1 and #complaints > 0)
      on_exit(failed and (complaints[#complaints] or "fanout ended with exit code " .. code) or nil)
    end,
  })
  if not started or job <= 0 then
    on_exit("the program fanout cannot be started: put it into PATH, or name it in g:fanout_program")
    return 0
  end
  return job
end

--- One answer: on_answer gets it; on_failure one sentence.
function M.ask(given, on_answer, on_failure)
  local answer
  return M.stream(given, function(message)
    answer = message
  end, function(failure)
    if failure or not answer then
      on_failure(failure or "fanout gave no answer")
    else
      on_answer(answer)
    end
  end)
end

--- The command line for a terminal.
function M.terminal(given)
  return words(given)
end

return M

-- A small client of Fanout: list runs, follow one, open what its agents work in.
local cli = require("fanout.cli")
local run_lines = require("fanout.run")

local M = {}

local function fail(sentence)
  vim.notify("fanout: " .. sentence, vim.log.levels.ERROR)
end

--- Which run and task each line of a buffer is about, by the buffer's number.
local abouts = {}

local function show(buffer, lines, about)
  if not vim.api.nvim_buf_is_valid(buffer) then
    return
  end
  abouts[buffer] = about
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].modifiable = false
end

--- Does something with what the line under the cursor is about.
local function with_line(act)
  return function()
    local about = (abouts[vim.api.nvim_get_current_buf()] or {})[vim.api.nvim_win_get_cursor(0)[1]]
    if about and about.run then
      act(about)
    end
  end
end

local keys = {
  ["<CR>"] = function(about)
    if about.task then
      M.open(about.task, about.run)
    else
      M.follow(about.run)
    end
  end,
  l = function(about)
    if about.task then
      M.log(about.task, about.run)
    end
  end,
  f = function(about)
    M.follow(about.run)
  end,
}

--- A buffer of ours in a window below, the one of that name where there is one.
local function open_buffer(name)
  vim.cmd("botright split " .. vim.fn.fnameescape(name))
  local buffer = vim.api.nvim_get_current_buf()
  vim.bo[buffer].buftype = "nofile"
  vim.bo[buffer].bufhidden = "wipe"
  vim.bo[buffer].swapfile = false
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].filetype = "fanout"
  for key, act in pairs(keys) do
    vim.keymap.set("n", key, with_line(act), { buffer = buffer })
  end
  vim.keymap.set("n", "q", "<Cmd>close<CR>", { buffer = buffer })
  return buffer
end

local function refresh(buffer)
  cli.ask({ "status" }, function(status)
    show(buffer, run_lines.all(status))
  end, fail)
end

--- The runs with their tasks; r looks again.
function M.list()
  local buffer = open_buffer("fanout://runs")
  vim.keymap.set("n", "r", function()
    refresh(buffer)
  end, { buffer = buffer })
  refresh(buffer)
end

--- A run as it goes on, until it has ended or the buffer is closed. The newest where none is named.
function M.follow(id)
  id = id ~= "" and id or "last"
  local buffer = open_buffer("fanout://" .. id)
  local run
  local job = cli.stream({ "watch", id }, function(event)
    run = run_lines.fold(run, event)
    if run then
      show(buffer, run_lines.lines(run))
    end
  end, function(failure)
    if failure then
      fail(failure)
    end
  end)
  vim.api.nvim_create_autocmd("BufWipeout", {
    buffer = buffer,
    once = true,
    callback = function()
      abouts[buffer] = nil
      vim.fn.jobstop(job)
    end,
  })
end

--- Gives the task of a run (the newest where none is named) to `act`.
local function with_task(task_id, run_id, act)
  cli.ask({ "status", run_id or "last" }, function(answer)
    for _, task in ipairs((answer.run or {}).subagents or {}) do
      if task.taskId == task_id then
        return act(task, answer.run)
      end
    end
    fail(("%s has no task %s"):format((answer.run or {}).id or "the run", task_id))
  end, fail)
end

--- The task's worktree in a tab of its own, whose current folder it is.
function M.open(task_id, run_id)
  with_task(task_id, run_id, function(task)
    if not task.worktree or vim.fn.isdirectory(task.worktree) == 0 then
      return fail(task_id .. " has no worktree, or no longer")
    end
    vim.cmd("tabnew")
    vim.cmd("tcd " .. vim.fn.fnameescape(task.worktree))
    vim.cmd("edit .")
  end)
end

--- What the task's agent prints, followed in a terminal below.
function M.log(task_id, run_id)
  vim.cmd("botright new")
  vim.fn.termopen(cli.terminal({ "logs", run_id or "last", task_id, "--follow" }))
end

return M

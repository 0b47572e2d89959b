-- The Neovim client in a headless nvim with the real program: a run of two tasks, of which one fails, in $FANOUT_TEST_REPO.
--   nvim --headless -u NONE --cmd 'set rtp+=client/nvim' -S tests/editors/nvim.lua
local failures = 0

local function check(what, holds, seen)
  print((holds and "ok - " or "not ok - ") .. what .. "\n")
  if not holds then
    failures = failures + 1
    print("  seen: " .. vim.inspect(seen) .. "\n")
  end
end

local function text()
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
end

--- Whether the buffer comes to hold all of these.
local function comes(...)
  local wanted = { ... }
  return vim.wait(60000, function()
    local now = text()
    for _, pattern in ipairs(wanted) do
      if not now:find(pattern) then
        return false
      end
    end
    return true
  end, 50)
end

local function main()
  local program = vim.g.fanout_program or "fanout"
  vim.cmd("runtime plugin/fanout.lua")
  local id = vim.fn.system({ program, "execute", "plan.yaml", "--detach" }):gsub("%s+$", "")

  vim.cmd("FanoutFollow " .. id)
  check("a run is followed to its end", comes("✓ good +completed +1 commit", "✗ bad +failed"), text())
  check("it is told that the run failed", comes(vim.pesc(id) .. "  failed"), text())
  check("nobody writes into the buffer by mistake", not vim.bo.modifiable)
  vim.cmd("close")

  vim.cmd("Fanout")
  check("the list has the run with its tasks", comes(vim.pesc(id), "good +completed", "bad +failed"), text())
  vim.fn.search("✓ good")
  vim.cmd('execute "normal \\<CR>"')
  check("Enter opens the task's worktree", vim.wait(60000, function()
    return vim.fn.getcwd():find("worktrees/good") ~= nil
  end, 50), vim.fn.getcwd())
  check("its files are there", vim.fn.filereadable("good.txt") == 1)

  local told
  vim.notify = function(sentence)
    told = sentence
  end
  vim.cmd("FanoutOpen nobody " .. id)
  vim.wait(60000, function()
    return told ~= nil
  end, 50)
  check("a task that is not there is told in a sentence", told == ("fanout: %s has no task nobody"):format(id), told)

  told = nil
  vim.g.fanout_program = "/nowhere/fanout"
  local started = pcall(vim.cmd, "FanoutFollow")
  check("a program that is not there is told in a sentence", started and (told or ""):find("g:fanout_program") ~= nil, told)
end

local ran, trouble = pcall(main)
check("the test itself runs", ran, trouble)
vim.cmd(failures == 0 and "qall!" or "cquit")

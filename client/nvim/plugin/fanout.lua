-- The commands; all else is loaded with the first of them.
if vim.g.loaded_fanout then
  return
end
vim.g.loaded_fanout = true

local function command(name, options, run)
  vim.api.nvim_create_user_command(name, run, options)
end

command("Fanout", { desc = "The runs and their tasks" }, function()
  require("fanout").list()
end)
command("FanoutFollow", { nargs = "?", desc = "A run as it goes on: [RUN]" }, function(given)
  require("fanout").follow(given.args)
end)
command("FanoutOpen", { nargs = "+", desc = "A task's worktree in a tab: TASK [RUN]" }, function(given)
  require("fanout").open(unpack(given.fargs))
end)
command("FanoutLog", { nargs = "+", desc = "What a task's agent prints: TASK [RUN]" }, function(given)
  require("fanout").log(unpack(given.fargs))
end)

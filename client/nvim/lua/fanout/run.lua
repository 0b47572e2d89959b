-- Runs as values: events folded in, lines made of them. No editor in here.
local M = {}

local icons = {
  PHASE_PENDING = "○",
  PHASE_COMPLETED = "✓",
  PHASE_FAILED = "✗",
  PHASE_BLOCKED = "⊘",
  PHASE_CANCELLED = "⊘",
  PHASE_SKIPPED = "-",
  PHASE_INTERRUPTED = "‖",
}

--- PHASE_SETTING_UP as "setting up".
local function word(name)
  return ((name or ""):gsub("^PHASE_", ""):gsub("^RUN_STATE_", ""):gsub("_", " "):lower())
end

--- One line, without control characters.
local function one_line(text)
  return ((text or ""):gsub("\27%[[0-?]*[ -/]*[@-~]", ""):gsub("%c", " "):gsub("^%s+", ""):gsub("%s+$", ""))
end

local function task_of(run, id)
  for _, task in ipairs(run.subagents or {}) do
    if task.taskId == id then
      return task
    end
  end
end

local function say(task, text)
  text = one_line(text)
  if text ~= "" then
    task.lastMessage = text
  end
end

local function begin_attempt(run, task, event)
  task.reason, task.lastMessage, task.waitingFor = nil, nil, nil
  task.attempt = event.attempt
  run.state = "RUN_STATE_RUNNING"
end

local function fold_task(run, task, event)
  task.phase = event.phase or task.phase
  if event.phaseChanged then
    task.reason, task.waitingFor = event.phaseChanged.reason, nil
  elseif event.worktreeReady then
    task.worktree, task.branch = event.worktreeReady.worktree, event.worktreeReady.branch
  elseif event.output then
    for _, line in ipairs(event.output.lines or {}) do
      say(task, line.text)
    end
  elseif event.agentActivity then
    local activity = event.agentActivity
    local permission, question = activity.permission, activity.question
    say(task, (activity.message or {}).text or (activity.toolCall or {}).title)
    if permission and not permission.decided then
      say(task, "asks: " .. (permission.title or ""))
    elseif question then
      say(task, "asks: " .. (question.text or ((question.items or {})[1] or {}).text or ""))
    end
  elseif event.waiting then
    task.waitingFor = event.waiting["for"]
  elseif event.workCommitted then
    task.commitCount = event.workCommitted.commitCount
  elseif event.retryRequested or event.retryScheduled then
    begin_attempt(run, task, event)
  end
end

--- The run after one more event; `run` is changed. The first event of a run brings it whole.
function M.fold(run, event)
  if event.runStarted or event.runCompacted then
    return (event.runStarted or event.runCompacted).run
  end
  if event.runEnded then
    run.state = event.runEnded.state
  end
  for _, added in ipairs((event.tasksAdded or {}).subagents or {}) do
    if not task_of(run, added.taskId) then
      run.subagents = run.subagents or {}
      table.insert(run.subagents, added)
    end
  end
  local task = event.taskId and task_of(run, event.taskId)
  if task then
    fold_task(run, task, event)
  end
  return run
end

local function detail(task)
  if task.phase == "PHASE_COMPLETED" then
    local count = task.commitCount or 0
    return count > 0 and (count .. (count == 1 and " commit" or " commits")) or ""
  end
  if task.reason and task.reason ~= "" then
    return task.reason
  end
  if task.waitingFor and task.waitingFor ~= "" then
    return "waits for " .. task.waitingFor
  end
  return task.lastMessage or ""
end

--- The run as lines, and what each is about: { run = ID, task = ID or nil }.
function M.lines(run)
  local lines, about = {}, {}
  local function add(line, task)
    -- A line of a buffer holds no line ends.
    table.insert(lines, (line:gsub("%s+$", ""):gsub("[\r\n]", " ")))
    table.insert(about, { run = run.id, task = task })
  end
  add(("%s  %s  %s"):format(run.name or "", run.id, word(run.state)))
  local width = 0
  for _, task in ipairs(run.subagents or {}) do
    width = math.max(width, vim.fn.strdisplaywidth(task.taskId))
  end
  for _, task in ipairs(run.subagents or {}) do
    local id = task.taskId .. (" "):rep(width - vim.fn.strdisplaywidth(task.taskId))
    local looks = #(task.attention or {}) > 0 and "?" or icons[task.phase] or "●"
    add(("  %s %s  %-12s %s"):format(looks, id, word(task.phase), detail(task)), task.taskId)
  end
  return lines, about
end

--- All runs of `fanout status --json`.
function M.all(status)
  local lines, about = {}, {}
  for at, run in ipairs(status.runs or {}) do
    local some, theirs = M.lines(run)
    if at > 1 then
      some, theirs = vim.list_extend({ "" }, some), vim.list_extend({ {} }, theirs)
    end
    vim.list_extend(lines, some)
    vim.list_extend(about, theirs)
  end
  if #lines == 0 then
    lines, about = { "No runs yet. Start one: fanout execute PLAN" }, { {} }
  end
  return lines, about
end

return M

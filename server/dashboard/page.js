// The dashboard. Text of others (agents, plans) reaches the page through textContent alone; no markup is ever made of it.
'use strict';

const address = new URLSearchParams(location.search);
const token = address.get('token');
const mostEvents = 2000;
const words = {
  PHASE_PENDING: ['○', 'pending', ''], PHASE_SETTING_UP: ['●', 'setting up', 'work'],
  PHASE_IMPLEMENTING: ['●', 'implementing', 'work'], PHASE_TESTING: ['●', 'testing', 'work'],
  PHASE_PUSHING: ['●', 'pushing', 'work'], PHASE_REPORTING: ['●', 'reporting', 'work'],
  PHASE_COMPLETED: ['✓', 'completed', 'good'], PHASE_FAILED: ['✗', 'failed', 'bad'],
  PHASE_BLOCKED: ['⊘', 'blocked', 'hold'], PHASE_CANCELLED: ['⊘', 'cancelled', 'hold'],
  PHASE_SKIPPED: ['–', 'skipped', ''], PHASE_INTERRUPTED: ['⊘', 'interrupted', 'hold'],
  RUN_STATE_RUNNING: ['●', 'running', 'work'], RUN_STATE_COMPLETED: ['✓', 'completed', 'good'],
  RUN_STATE_FAILED: ['✗', 'failed', 'bad'], RUN_STATE_CANCELLED: ['⊘', 'cancelled', 'hold'],
  RUN_STATE_INTERRUPTED: ['⊘', 'interrupted', 'hold'],
};
const order = ['PHASE_SETTING_UP', 'PHASE_IMPLEMENTING', 'PHASE_TESTING', 'PHASE_PUSHING', 'PHASE_REPORTING'];
const steps = ['queued', 'worktree', 'environment', 'verify', 'slot', 'spawn', 'first output', 'work'];
const classOf = (step) => 'step-' + step.replace(' ', '-');

let run = null;           // as told last, its tasks in plan order
let events = [];          // the newest ones
let lanes = [];           // of the timeline
let source = null;        // the stream
let mayAct = false;
let shown = address.get('run') || '';
let reading = null;       // {task, log, end} while a log is open
let dirty = false;

const byId = (id) => document.getElementById(id);

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function drawing(name, attributes, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function url(path, parameters) {
  return path + '?' + new URLSearchParams({ ...parameters, token });
}

const moment = (stamp) => (stamp ? Date.parse(stamp) : NaN);
const seconds = (duration) => (duration ? parseFloat(duration) : 0);

function duration(time) {
  const whole = Math.max(0, Math.floor(time));
  if (whole < 60) return whole + 's';
  const pair = (number) => String(number).padStart(2, '0');
  if (whole < 3600) return Math.floor(whole / 60) + 'm' + pair(whole % 60) + 's';
  return Math.floor(whole / 3600) + 'h' + pair(Math.floor(whole / 60) % 60) + 'm';
}

function lookOf(agent) {
  if (agent.attention && agent.attention.length) return ['?', 'needs input', 'ask'];
  if (agent.paused) return ['‖', 'paused', 'hold'];
  return words[agent.phase] || ['?', 'unknown', ''];
}

const ended = (agent) => !['PHASE_PENDING', ...order].includes(agent.phase);
const succeeded = (agent) => ['PHASE_COMPLETED', 'PHASE_SKIPPED'].includes(agent.phase);

function bar(agent) {
  const stopped = ended(agent) && agent.phase !== 'PHASE_COMPLETED';
  const count = agent.phase === 'PHASE_COMPLETED' ? 5 : order.indexOf(stopped ? agent.endedIn : agent.phase) + 1;
  return '▰'.repeat(count) + '▱'.repeat(5 - count);
}

function lastWords(agent) {
  if (agent.attention && agent.attention.length) return 'asks: ' + asked(agent.attention[0]);
  if (agent.phase === 'PHASE_COMPLETED') {
    const count = agent.commitCount || 0;
    return (count ? count + (count === 1 ? ' commit on ' : ' commits on ') : '') + (agent.branch || '');
  }
  if (ended(agent)) return agent.reason || '';
  if (agent.waitingFor) return 'waits for ' + agent.waitingFor;
  if (agent.phase === 'PHASE_PENDING') {
    const open = (agent.dependencies || []).filter((id) => !run.subagents.some((a) => a.taskId === id && succeeded(a)));
    return open.length ? 'waits for ' + open.join(', ') : run.waitingFor ? 'waits with its run for ' + run.waitingFor : '';
  }
  return agent.conditionText || agent.lastMessage || '';
}

function asked(attention) {
  if (attention.permission) return attention.permission.command || attention.permission.title || 'a permission';
  const items = (attention.question && attention.question.items) || [];
  return (attention.question && attention.question.text) || (items[0] && items[0].text) || 'a question';
}

function changed(agent) {
  if (!agent.report) return '';
  const files = agent.report.files || [];
  const sum = (key) => files.reduce((all, file) => all + (file[key] || 0), 0);
  return '+' + sum('added') + ' −' + sum('deleted');
}

const numbered = (count, word) => (count || 0) + ' ' + word + (count === 1 ? '' : 's');
const tokensOf = (agent) => Number((agent.usage || {}).inputTokens || 0) + Number((agent.usage || {}).outputTokens || 0);

function shortNumber(count) {
  if (count < 1000) return String(count);
  return count < 999950 ? (count / 1000).toFixed(1) + 'k' : (count / 1e6).toFixed(1) + 'M';
}

function cost(agent) {
  const told = (agent.usage || {}).cost;
  if (!told) return tokensOf(agent) ? '?' : '';
  const guess = told.source === 'SOURCE_COMPUTED' ? '~' : '';
  return guess + '$' + (told.amount || 0).toFixed(2) + (agent.usage.costIncomplete ? ' + ?' : '');
}

function timeOf(agent) {
  const from = moment(agent.startedAt);
  if (Number.isNaN(from)) return '';
  const to = agent.endedAt ? moment(agent.endedAt) : Date.now();
  return duration((to - from) / 1000);
}

// --- what is drawn

function actButton(text, path, parameters, question) {
  const button = element('button', text);
  button.type = 'button';
  button.addEventListener('click', async () => {
    if (question && !window.confirm(question)) return;
    const answer = await fetch(url(path, parameters), { method: 'POST' });
    if (!answer.ok) say(await answer.text());
  });
  return button;
}

function row(agent) {
  const line = element('tr');
  const [glyph, word, kind] = lookOf(agent);
  const task = element('td');
  const button = element('button', agent.taskId, 'task');
  button.type = 'button';
  button.title = agent.title || '';
  button.addEventListener('click', () => openLog(agent.taskId));
  task.append(button);
  if ((agent.dependencies || []).length) task.append(element('div', 'after ' + agent.dependencies.join(', '), 'needs'));
  const phase = element('td', glyph + ' ' + word, kind);
  phase.append(element('span', bar(agent), 'bar'));
  const acts = element('td');
  if (mayAct && !ended(agent)) {
    acts.append(actButton('Cancel', 'api/cancel', { run: run.id, task: agent.taskId }, 'Cancel ' + agent.taskId + '?'));
  } else if (mayAct && !succeeded(agent)) {
    acts.append(actButton('Retry', 'api/retry', { run: run.id, task: agent.taskId }));
  }
  const tokens = tokensOf(agent);
  line.append(task, phase, element('td', timeOf(agent), 'number'), element('td', changed(agent), 'number'),
              element('td', tokens ? shortNumber(tokens) : '', 'number'), element('td', cost(agent), 'number'),
              element('td', lastWords(agent), 'words'), acts);
  line.dataset.task = agent.taskId;
  return line;
}

// Only cells that changed are replaced, so that a selection, a focus or a click under way in the others stays.
function drawTasks() {
  const body = byId('tasks').tBodies[0];
  run.subagents.forEach((agent, index) => {
    const made = row(agent);
    const old = body.rows[index];
    if (!old) return body.append(made);
    [...made.cells].forEach((cell, column) => {
      if (!old.cells[column].isEqualNode(cell)) old.cells[column].replaceWith(cell);
    });
    old.dataset.task = agent.taskId;
  });
  while (body.rows.length > run.subagents.length) body.lastElementChild.remove();
}

function drawHead() {
  const [glyph, word, kind] = words[run.state] || ['?', 'unknown', ''];
  byId('name').textContent = run.name || run.id;
  byId('state').textContent = glyph + ' ' + word;
  byId('state').className = 'state ' + kind;
  byId('base').textContent = run.id + (run.base ? '  ' + run.base : '') + (run.baseCommit ? '@' + run.baseCommit.slice(0, 8) : '');
  const counts = new Map();
  for (const agent of run.subagents) {
    const name = lookOf(agent)[1];
    counts.set(name, (counts.get(name) || 0) + 1);
  }
  const parts = [...counts].map(([name, count]) => count + ' ' + name);
  parts.push(timeOf(run));
  const tokens = run.subagents.reduce((all, agent) => all + tokensOf(agent), 0);
  if (tokens) parts.push(shortNumber(tokens) + ' tokens');
  if (run.open) parts.push('more tasks may come');
  if (run.trackerWaiting) parts.push(run.trackerWaiting);
  byId('totals').textContent = parts.filter(Boolean).join(' · ');
  document.title = glyph + ' ' + (run.name || run.id) + ' · Fanout';
}

function drawActs() {
  const acts = byId('acts');
  const running = run.state === 'RUN_STATE_RUNNING';
  const wanted = !mayAct ? '' : running ? 'Cancel run' : run.state === 'RUN_STATE_COMPLETED' ? '' : 'Retry run';
  if (acts.textContent === wanted && acts.dataset.run === run.id) return;
  acts.replaceChildren();
  acts.dataset.run = run.id;
  if (!wanted) return;
  acts.append(running ? actButton(wanted, 'api/cancel', { run: run.id }, 'Cancel the whole run?')
                      : actButton(wanted, 'api/retry', { run: run.id }));
}

function laneEnd(lane) { return lane.steps.length ? lane.steps[lane.steps.length - 1].end : 0; }

function drawWaterfall() {
  const picture = byId('waterfall');
  const start = moment(run.startedAt);
  const now = ((run.endedAt ? moment(run.endedAt) : Date.now()) - start) / 1000;
  const end = Math.max(now, 0.001, ...lanes.map(laneEnd));
  const left = 150, width = 760, height = 18;
  const x = (time) => left + (Math.min(time, end) / end) * width;
  picture.setAttribute('viewBox', `0 0 ${left + width + 20} ${lanes.length * height + 26}`);
  picture.setAttribute('width', left + width + 20);
  picture.setAttribute('height', lanes.length * height + 26);
  const parts = [];
  for (let tick = 0; tick <= 4; ++tick) {
    const at = (end * tick) / 4;
    parts.push(drawing('line', { x1: x(at), x2: x(at), y1: 18, y2: lanes.length * height + 24, class: 'axis' }));
    parts.push(drawing('text', { x: x(at), y: 12, 'text-anchor': 'middle', class: 'axis-text' }, end < 10 ? at.toFixed(1) + 's' : duration(at)));
  }
  lanes.forEach((lane, index) => {
    const y = 22 + index * height;
    parts.push(drawing('text', { x: left - 8, y: y + 12, 'text-anchor': 'end' }, lane.taskId.length > 20 ? lane.taskId.slice(0, 19) + '…' : lane.taskId));
    for (const step of lane.steps) parts.push(block(step.step, step.begin, step.end, x, y));
    const agent = run.subagents.find((one) => one.taskId === lane.taskId);
    if (!agent || !lane.steps.length || !agent.setup || !agent.setup.spawned) return;
    const until = agent.endedAt ? (moment(agent.endedAt) - start) / 1000 : now;
    if (until > laneEnd(lane)) parts.push(block('work', laneEnd(lane), until, x, y));
  });
  picture.replaceChildren(...parts);
}

function block(step, begin, until, x, y) {
  const made = drawing('rect', { x: x(begin), y: y + 2, width: Math.max(1, x(until) - x(begin)), height: 12, rx: 2, class: classOf(step) });
  made.append(drawing('title', {}, step + ': ' + (until - begin).toFixed(2) + 's'));
  return made;
}

function drawLegend() {
  for (const step of steps) {
    const entry = element('span');
    const sample = drawing('svg', { width: 11, height: 11 });
    sample.append(drawing('rect', { width: 11, height: 11, rx: 2, class: classOf(step) }));
    entry.append(sample, step === 'work' ? 'agent at work, gates, push' : step);
    byId('legend').append(entry);
  }
}

// --- events in words

function told(event) {
  const phase = event.phaseChanged, gate = event.gateEnded && event.gateEnded.result, activity = event.agentActivity;
  if (phase) {
    const look = words[phase.to] || ['?', 'unknown', ''];
    return [look[1] + (phase.reason ? ': ' + phase.reason : ''), look[2]];
  }
  if (event.output) return ['', ''];  // what an agent says comes as its message; the rest is in the logs
  if (gate) return ['gate ' + gate.name + (gate.passed ? ' passed' : ' failed'), gate.passed ? 'good' : 'bad'];
  if (event.tasksAdded) return ['tasks added: ' + event.tasksAdded.subagents.map((one) => one.taskId).join(', '), ''];
  if (event.planClosed) return ['the plan is closed' + (event.planClosed.reason ? ': ' + event.planClosed.reason : ''), 'dim'];
  if (event.runStarted) return ['run ' + run.id + ' begins', ''];
  if (event.runEnded) return ['run ' + (words[event.runEnded.state] || ['', 'ended'])[1], (words[event.runEnded.state] || [])[2]];
  if (event.worktreeReady) return ['branch ' + event.worktreeReady.branch, 'dim'];
  if (event.commandStarted) return [event.commandStarted.role + ': ' + event.commandStarted.command, 'dim'];
  if (event.workCommitted) return [numbered(event.workCommitted.commitCount, 'commit') + ', ' + numbered(event.workCommitted.fileCount, 'file'), ''];
  if (event.pushed) return ['pushed ' + event.pushed.branch + ' to ' + event.pushed.remote, ''];
  if (event.notice) return [event.notice.text || '', event.notice.severity === 'SEVERITY_WARNING' ? 'hold' : 'dim'];
  if (event.waiting) return [event.waiting.for ? 'waits for ' + event.waiting.for : '', 'dim'];
  if (event.retryScheduled) return ['failed: ' + event.retryScheduled.reason + '; is tried again', 'hold'];
  if (event.retryRequested) return ['attempt ' + event.attempt, ''];
  if (event.cancelRequested) return ['asked to cancel', 'hold'];
  if (event.issueOpened && event.issueOpened.issue) return ['issue ' + (event.issueOpened.issue.url || ''), 'dim'];
  if (event.pullRequestOpened && event.pullRequestOpened.pullRequest) return ['pull request ' + (event.pullRequestOpened.pullRequest.url || ''), ''];
  if (event.budgetUsed) return [event.budgetUsed.text || '', 'hold'];
  return activity ? did(activity) : ['', ''];
}

function did(activity) {
  if (activity.message) return [activity.message.text || '', ''];
  if (activity.toolCall) return [activity.toolCall.title || '', 'dim'];
  if (activity.permission) return ['asks: ' + (activity.permission.command || activity.permission.title || ''), 'ask'];
  if (activity.question) return ['asks: ' + asked({ question: activity.question }), 'ask'];
  if (activity.answer) return [activity.answer.allowed ? 'allowed' : 'answered', 'dim'];
  if (activity.notice) return [activity.notice.text || '', activity.notice.warning ? 'hold' : 'dim'];
  if (activity.limit) return ['limit: ' + (activity.limit.text || ''), 'hold'];
  return ['', ''];
}

function eventLine(event) {
  const [text, kind] = told(event);
  if (!text) return null;
  const line = element('li', undefined, kind);
  line.append(element('time', seconds(event.elapsed).toFixed(1) + 's'), element('b', event.taskId || ''), element('span', text));
  line.hidden = !passes(line);
  return line;
}

function passes(line) { return line.textContent.toLowerCase().includes(byId('filter').value.trim().toLowerCase()); }

function addEvents(fresh) {
  const list = byId('events');
  const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
  const lines = fresh.map(eventLine).filter(Boolean);
  list.append(...lines);
  while (list.childElementCount > mostEvents) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

// --- the log of one agent

function openLog(task) {
  const agent = run.subagents.find((one) => one.taskId === task);
  reading = { task, end: null };
  byId('log-title').textContent = task + (agent && agent.title ? ': ' + agent.title : '');
  const names = new Set(['agent.stdout', 'agent.stderr', ...((agent && agent.gates) || []).map((gate) => gate.log).filter(Boolean)]);
  byId('log-name').replaceChildren(...[...names].map((name) => element('option', name)));
  if (!byId('log').open) byId('log').showModal();
  startLog();
}

function startLog() {
  reading.end = null;
  byId('log-text').textContent = '';
  readLog();
}

async function readLog() {
  const mine = reading;
  if (!mine || mine.busy) return;
  mine.busy = true;
  try {
    const parameters = { run: run.id, task: mine.task, log: byId('log-name').value };
    if (mine.end !== null) parameters.offset = mine.end;
    const answer = await fetch(url('api/log', parameters));
    const text = await answer.text();
    if (mine !== reading) return;
    const pane = byId('log-text');
    if (!answer.ok) {
      if (mine.end === null) pane.textContent = text;
      return;
    }
    if (mine.end === null) pane.textContent = Number(answer.headers.get('X-Begin')) > 0 ? '… what stands before is in: fanout logs\n' : '';
    mine.end = answer.headers.get('X-End');
    if (text) pane.append(document.createTextNode(text));
    if (byId('log-follow').checked) pane.scrollTop = pane.scrollHeight;
  } finally {
    mine.busy = false;
  }
}

// --- the stream

function say(text) { byId('link').textContent = text; }

function take(update) {
  const subagents = run ? run.subagents : [];
  run = { ...update.run, subagents };
  for (const event of update.events) {  // in plan order
    for (const added of (event.tasksAdded && event.tasksAdded.subagents) || []) {
      if (!subagents.some((one) => one.taskId === added.taskId)) subagents.push(added);
    }
  }
  for (const agent of update.subagents) {
    const index = subagents.findIndex((one) => one.taskId === agent.taskId);
    if (index >= 0) subagents[index] = agent;
  }
  addEvents(update.events);
  if (reading && update.events.some((event) => event.taskId === reading.task)) readLog();
  if (update.events.some((event) => event.runEnded || event.runStarted)) listRuns();
  dirty = true;
}

function follow(id) {
  if (source) source.close();
  run = null;
  lanes = [];
  byId('events').replaceChildren();
  byId('tasks').tBodies[0].replaceChildren();
  source = new EventSource(url('api/events', { run: id }));
  source.addEventListener('open', () => say(''));
  source.addEventListener('error', () => say('the daemon does not answer; trying again …'));
  source.addEventListener('state', (message) => {
    run = { subagents: [], ...JSON.parse(message.data) };
    shown = run.id;
    dirty = true;
    askTimeline();
    listRuns();
  });
  source.addEventListener('update', (message) => take(JSON.parse(message.data)));
}

function draw() {
  if (!run) return;
  drawHead();
  drawActs();
  drawTasks();
  drawWaterfall();
}

async function askTimeline() {
  if (!run) return;
  const id = run.id;
  const answer = await fetch(url('api/timeline', { run: id }));
  if (!answer.ok || !run || run.id !== id) return;
  lanes = (await answer.json()).tasks;
  dirty = true;
}

async function listRuns() {
  const answer = await fetch(url('api/runs', {}));
  if (!answer.ok) return say(await answer.text());
  const all = await answer.json();
  mayAct = all.actions;
  const items = all.runs.map((one) => {
    const [glyph, word, kind] = words[one.state] || ['?', 'unknown', ''];
    const button = element('button');
    button.type = 'button';
    if (run && one.id === run.id) button.setAttribute('aria-current', 'true');
    const tasks = one.subagents || [];
    const done = tasks.filter(succeeded).length;
    button.append(element('span', glyph + ' ', kind), one.name || one.id,
                  element('small', one.id), element('small', word + ', ' + done + ' of ' + tasks.length));
    button.addEventListener('click', () => follow(one.id));
    const item = element('li');
    item.append(button);
    return item;
  });
  byId('runs').replaceChildren(...items);
  if (!source && all.runs.length) follow(shown || all.runs[0].id);
}

// --- the page

drawLegend();
byId('log-close').addEventListener('click', () => byId('log').close());
byId('log').addEventListener('close', () => { reading = null; });
byId('log-name').addEventListener('change', startLog);
byId('filter').addEventListener('input', () => {
  for (const line of byId('events').children) line.hidden = !passes(line);
});
let ticks = 0;
setInterval(() => {
  if (document.hidden || !run) return;
  const running = run.state === 'RUN_STATE_RUNNING';
  if (dirty || (running && ticks % 4 === 0)) {
    dirty = false;
    draw();
  }
  if (running && ticks % 8 === 0) askTimeline();
  ++ticks;
}, 250);
setInterval(() => { if (!document.hidden) listRuns().catch(() => {}); }, 5000);
listRuns().catch(() => say('the daemon does not answer'));

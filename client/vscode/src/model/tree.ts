import { Phase, RunState, type Run, type Subagent } from "@api/run";
import { isEnd, isRetryable, looksOf, looksOfRun, type Looks } from "./phases";
import { counted } from "./text";
import { elapsed } from "./times";

/** What a line of the tree is about. */
export interface Place {
  readonly id: string;
  readonly runId: string;
  /** Empty: the run itself. */
  readonly taskId: string;
}

/** A line of the tree, of no editor in particular. */
export interface Item extends Place {
  readonly label: string;
  readonly description: string;
  readonly tooltip: string;
  readonly looks: Looks;
  /** What can be done with it, as `:word:` each; begins with its kind. */
  readonly context: string;
  readonly children: readonly Item[];
  readonly open: boolean;
}

/** All runs, newest first. */
export function tree(runs: readonly Run[], now: Date): Item[] {
  return runs.map((run) => runItem(run, now));
}

/** Every item by its id. */
export function indexOf(items: readonly Item[]): ReadonlyMap<string, Item> {
  return new Map(items.flatMap((item) => [[item.id, item] as const, ...indexOf(item.children)]));
}

/** What has to be drawn anew: items whose own line has changed, or those whose children came or went; or all. */
export function changedItems(before: readonly Item[], now: readonly Item[]): Item[] | "all" {
  if (idsOf(before) !== idsOf(now)) return "all";
  const was = indexOf(before);
  return now.flatMap((item) => {
    const earlier = was.get(item.id);
    if (!earlier || lineOf(earlier) !== lineOf(item)) return [item];
    const children = changedItems(earlier.children, item.children);
    return children === "all" ? [item] : children;
  });
}

const idsOf = (items: readonly Item[]): string => JSON.stringify(items.map(({ id }) => id));
const lineOf = (item: Item): string => JSON.stringify({ ...item, children: [] });

function runItem(run: Run, now: Date): Item {
  const running = run.state === RunState.RUN_STATE_RUNNING;
  const completed = run.subagents.filter((task) => task.phase === Phase.PHASE_COMPLETED).length;
  const looks = looksOfRun(run.state);
  return {
    id: run.id,
    label: run.name || run.id,
    // Time that passes is told of its tasks: see RunsView.
    description: join(
      `${completed}/${run.subagents.length}`,
      running ? "" : elapsed(run.startedAt, run.endedAt, now),
      run.waitingFor,
    ),
    tooltip: [`${run.id}: ${looks.word}`, run.planPath, `from ${run.base}`].join("\n"),
    looks,
    context: contextOf("run", {
      active: running,
      retry: run.subagents.some((task) => isRetryable(task.phase)),
      merge: completed > 0,
    }),
    runId: run.id,
    taskId: "",
    children: run.subagents.map((task) => taskItem(run, task, now)),
    open: running,
  };
}

function taskItem(run: Run, task: Subagent, now: Date): Item {
  const asks = task.attention.length > 0;
  return {
    id: `${run.id}/${task.taskId}`,
    label: task.taskId,
    description: join(stateOf(task), elapsed(task.startedAt, task.endedAt, now), detailOf(task)),
    tooltip: tooltipOf(task),
    looks: asks ? { word: "asks", icon: "bell-dot", colour: "charts.yellow" } : looksOf(task.phase),
    context: contextOf("task", {
      active: !isEnd(task.phase),
      asks,
      retry: isRetryable(task.phase),
      worktree: task.worktree !== "",
      merge: task.phase === Phase.PHASE_COMPLETED,
    }),
    runId: run.id,
    taskId: task.taskId,
    children: [],
    open: false,
  };
}

function stateOf(task: Subagent): string {
  if (task.attention.length > 0) return "waits for an answer";
  return task.paused ? "paused" : looksOf(task.phase).word;
}

/** What a person wants to know next, by the state it is in. */
function detailOf(task: Subagent): string {
  if (task.phase === Phase.PHASE_COMPLETED)
    return task.commitCount > 0 ? counted(task.commitCount, "commit") : "";
  if (isEnd(task.phase)) return task.reason;
  if (task.waitingFor) return `waits for ${task.waitingFor}`;
  if (task.phase === Phase.PHASE_PENDING)
    return task.dependencies.length > 0 ? `after ${task.dependencies.join(", ")}` : "";
  return task.lastMessage;
}

function tooltipOf(task: Subagent): string {
  const gates = task.gates.map((gate) => `${gate.passed ? "✓" : "✗"} ${gate.name}`).join("  ");
  const lines = [
    task.title,
    `${looksOf(task.phase).word}, attempt ${task.attempt}`,
    task.reason,
    task.agent && `agent: ${task.agent}`,
    task.branch && `branch: ${task.branch}`,
    task.worktree,
    gates && `gates: ${gates}`,
    task.pullRequest?.url ?? "",
  ];
  return lines.filter(Boolean).join("\n");
}

function contextOf(kind: string, words: Record<string, boolean>): string {
  const said = Object.keys(words).filter((word) => words[word]);
  return `${kind}:${said.map((word) => `:${word}:`).join("")}`;
}

const join = (...parts: string[]): string => parts.filter(Boolean).join(" · ");

/** For the status bar: what is at work, and what waits for a person. */
export function summary(runs: readonly Run[]): { text: string; waiting: number } {
  const tasks = runs
    .filter((run) => run.state === RunState.RUN_STATE_RUNNING)
    .flatMap((run) => run.subagents);
  const waiting = tasks.filter((task) => task.attention.length > 0).length;
  const atWork =
    tasks.filter((task) => !isEnd(task.phase) && task.phase !== Phase.PHASE_PENDING).length - waiting;
  const pending = tasks.filter((task) => task.phase === Phase.PHASE_PENDING).length;
  const said = [
    waiting > 0 ? `${waiting} waiting for you` : "",
    atWork > 0 ? `${atWork} at work` : "",
    pending > 0 ? `${pending} pending` : "",
  ];
  return { text: join(...said), waiting };
}

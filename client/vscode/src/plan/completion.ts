import { taskAt, type Outline, type Task } from "./outline";

/** Where the list of dependencies is written on one line, up to the offset. */
const inFlowList = /^\s*(?:-\s+)?dependencies\s*:\s*\[[^\]]*$/;
const keyLine = /^(\s*)(?:-\s+)?dependencies\s*:\s*(?:#.*)?$/;
const entryLine = /^(\s*)-(\s.*)?$/;

/** Whether an id of a task is to be written at the offset, in text that need not be valid. */
export function isDependencyPlace(text: string, offset: number): boolean {
  const before = text.slice(0, offset).split("\n");
  const line = before.pop() ?? "";
  if (inFlowList.test(line)) return true;
  return entryLine.test(line) && isUnderDependencies(before);
}

/** Upwards over the list's other entries, to the line that opens it. */
function isUnderDependencies(lines: readonly string[]): boolean {
  for (const line of lines.toReversed()) {
    if (keyLine.test(line)) return true;
    if (line.trim() !== "" && !(entryLine.test(line) && !line.includes(": "))) return false;
  }
  return false;
}

/** The tasks that the one at the offset may depend on: neither itself, nor what it depends on already, nor what depends on it. */
export function dependencyChoices(plan: Outline, offset: number): Task[] {
  const own = taskAt(plan, offset);
  if (!own) return [...plan.tasks];
  const taken = new Set(own.dependencies.map((word) => word.text));
  return plan.tasks.filter((task) => task !== own && !taken.has(task.id.text) && !dependsOn(plan, task, own));
}

function dependsOn(plan: Outline, task: Task, other: Task): boolean {
  const seen = new Set<Task>();
  const visit = (one: Task): boolean => {
    if (one === other) return true;
    if (seen.has(one)) return false;
    seen.add(one);
    const next = plan.tasks.filter((known) => one.dependencies.some((word) => word.text === known.id.text));
    return next.some(visit);
  };
  return visit(task);
}

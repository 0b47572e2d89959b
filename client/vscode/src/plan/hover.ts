import type { Subagent } from "@api/run";
import { looksOf } from "../model/phases";
import type { Outline, Task } from "./outline";

/** What is told of a task under the pointer: lines of plain text. */
export function taskHover(plan: Outline, task: Task, state: Subagent | undefined): string[] {
  const needed = plan.tasks.filter((one) => one.dependencies.some((word) => word.text === task.id.text));
  const lines = [
    task.name || task.id.text,
    task.priority && `priority ${task.priority}`,
    task.dependencies.length > 0 && `after ${task.dependencies.map((word) => word.text).join(", ")}`,
    needed.length > 0 && `before ${needed.map((one) => one.id.text).join(", ")}`,
    state && [looksOf(state.phase).word, state.reason].filter(Boolean).join(": "),
    state?.branch && `branch ${state.branch}`,
  ];
  return lines.filter((line): line is string => typeof line === "string" && line !== "");
}

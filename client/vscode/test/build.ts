import { Attention } from "@api/agent";
import { Event } from "@api/event";
import { Phase, Run, RunState } from "@api/run";

/** A moment so many seconds into the run. */
export const at = (seconds: number): Date => new Date(1_700_000_000_000 + 1000 * seconds);

/** A run under way with these tasks, all pending; nothing has happened yet but its start. */
export function run(...taskIds: string[]): Run {
  const subagents = taskIds.map((taskId) => ({ taskId, phase: Phase.PHASE_PENDING, attempt: 1 }));
  const state = RunState.RUN_STATE_RUNNING;
  return Run.fromPartial({ id: "r", name: "Demo", state, startedAt: at(0), lastSequence: 1, subagents });
}

/** An event of task "a"; its sequence number is also the second in which it happened. */
export function event(sequence: number, payload: Event["payload"], taskId = "a"): Event {
  return { ...Event.create(), runId: "r", sequence, time: at(sequence), taskId, attempt: 1, payload };
}

export function phase(sequence: number, from: Phase, to: Phase, reason = "", taskId = "a"): Event {
  const value = { from, to, reason, needs: [], duration: undefined };
  return event(sequence, { $case: "phaseChanged", value }, taskId);
}

export function permission(id: string, options: string[] = []): Attention {
  const value = {
    id,
    title: "rm -rf build",
    options: options.map((name) => ({ id: name.toLowerCase(), name })),
  };
  return Attention.fromPartial({ runId: "r", taskId: "a", id, request: { $case: "permission", value } });
}

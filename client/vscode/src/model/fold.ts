import type { AgentActivity } from "@api/agent";
import type { Event } from "@api/event";
import { Phase, RunState, type Run, type Subagent } from "@api/run";
import { isEnd } from "./phases";
import { oneLine } from "./text";

/**
 * What an editor shows of a run, after one more event: the part of the daemon's own fold that can be seen in the tree. What
 * a run looked like before stays as it was. Events of kinds that are not known here only count.
 */
export function fold(run: Run, event: Event): Run {
  const next: Run = { ...run, lastSequence: event.sequence };
  if (event.taskId === "") return foldRun(next, event);
  // Another attempt opens the run again.
  const reopened = event.payload?.$case === "retryRequested" || event.payload?.$case === "retryScheduled";
  const state = reopened ? { state: RunState.RUN_STATE_RUNNING, endedAt: undefined } : {};
  const subagents = run.subagents.map((task) =>
    task.taskId === event.taskId ? foldTask(task, event) : task,
  );
  return { ...next, ...state, subagents };
}

function foldRun(run: Run, event: Event): Run {
  switch (event.payload?.$case) {
    case "runStarted":
    case "runCompacted":
      return { ...(event.payload.value.run ?? run), lastSequence: event.sequence };
    case "tasksAdded": {
      const known = new Set(run.subagents.map((task) => task.taskId));
      const added = event.payload.value.subagents.filter((task) => !known.has(task.taskId));
      return { ...run, subagents: [...run.subagents, ...added] };
    }
    case "planClosed":
      return { ...run, open: false };
    case "runEnded":
      return { ...run, state: event.payload.value.state, endedAt: event.time, open: false };
    case "waiting":
      return { ...run, waitingFor: event.payload.value.for };
    default:
      return run;
  }
}

/** Nothing of it waits for anybody, or stands still, once its program has ended. */
const agentGone = { attention: [], paused: false, pid: 0 };
const waitsNoLonger = { waitingFor: "", waitingSince: undefined, waitingRelease: "" };

function foldTask(task: Subagent, event: Event): Subagent {
  const payload = event.payload;
  switch (payload?.$case) {
    case "phaseChanged":
      return changePhase(task, event, payload.value.from, payload.value.to, payload.value.reason);
    case "worktreeReady": {
      const { branch, worktree, baseCommit } = payload.value;
      return { ...task, branch, worktree, baseCommit };
    }
    case "commandStarted":
      return { ...task, pid: payload.value.pid, waitingFor: "" };
    case "commandEnded":
      return { ...task, ...agentGone };
    case "output":
      return say(
        task,
        payload.value.lines.map((line) => oneLine(line.text)).findLast((text) => text !== ""),
      );
    case "agentActivity":
      return takeActivity(task, event, payload.value);
    case "agentLaunched":
      return { ...task, agent: payload.value.name || task.agent };
    case "waiting":
      return {
        ...task,
        waitingFor: payload.value.for,
        waitingRelease: payload.value.release,
        waitingSince: payload.value.for ? event.time : undefined,
      };
    case "workCommitted":
      return { ...task, commitCount: payload.value.commitCount };
    case "gateEnded": {
      // After a rebase the gates run again: the newest result of a name counts.
      const result = payload.value.result;
      if (!result) return task;
      const known = task.gates.some((gate) => gate.name === result.name);
      const gates = known
        ? task.gates.map((gate) => (gate.name === result.name ? result : gate))
        : [...task.gates, result];
      return { ...task, gates };
    }
    case "reported":
      return { ...task, report: payload.value.report, commitCount: payload.value.report?.commitCount ?? 0 };
    case "workReturned":
      return { ...task, phase: Phase.PHASE_IMPLEMENTING, phaseStartedAt: event.time, gates: [] };
    case "retryRequested":
      return beginAttempt(payload.value.fresh ? { ...task, ...noWork } : task, event);
    case "retryScheduled": {
      const { retry, retries, reason } = payload.value;
      return { ...beginAttempt(task, event), waitingFor: `retry ${retry} of ${retries}: ${reason}` };
    }
    case "agentPaused":
      return { ...task, paused: true };
    case "agentContinued":
      return { ...task, paused: false };
    case "pullRequestOpened":
    case "pullRequestChanged":
      return { ...task, pullRequest: payload.value.pullRequest };
    case "agentParked":
      return { ...task, waitingFor: `its agent's account: ${oneLine(payload.value.reason)}` };
    default:
      return task;
  }
}

function changePhase(task: Subagent, event: Event, from: Phase, to: Phase, reason: string): Subagent {
  const next = { ...task, ...waitsNoLonger, phase: to, phaseStartedAt: event.time };
  if (!isEnd(to)) return from === Phase.PHASE_PENDING ? { ...next, startedAt: event.time } : next;
  const succeeded = to === Phase.PHASE_COMPLETED || to === Phase.PHASE_SKIPPED;
  return {
    ...next,
    ...agentGone,
    reason,
    endedIn: succeeded ? Phase.PHASE_UNSPECIFIED : from,
    endedAt: event.time,
  };
}

const noWork = { branch: "", worktree: "", baseCommit: "", commitCount: 0 };

function beginAttempt(task: Subagent, event: Event): Subagent {
  return {
    ...task,
    ...agentGone,
    ...waitsNoLonger,
    attempt: event.attempt,
    phase: Phase.PHASE_PENDING,
    phaseStartedAt: event.time,
    endedIn: Phase.PHASE_UNSPECIFIED,
    reason: "",
    lastMessage: "",
    startedAt: undefined,
    endedAt: undefined,
    gates: [],
    report: undefined,
  };
}

function say(task: Subagent, text: string | undefined): Subagent {
  return text ? { ...task, lastMessage: text } : task;
}

function takeActivity(task: Subagent, event: Event, { activity }: AgentActivity): Subagent {
  switch (activity?.$case) {
    case "message":
      return say(task, oneLine(activity.value.text));
    case "toolCall":
      return say(task, oneLine(activity.value.title));
    case "permission":
      if (activity.value.decided) return task;
      return ask(task, event, { id: activity.value.id, request: activity }, activity.value.title);
    case "question": {
      const text = activity.value.items[0]?.text ?? activity.value.text;
      return ask(task, event, { id: activity.value.id, request: activity }, text);
    }
    case "answer": {
      const { id } = activity.value;
      return { ...task, attention: task.attention.filter((one) => one.id !== id) };
    }
    default:
      return task;
  }
}

type Asked = Pick<Subagent["attention"][number], "id" | "request">;

function ask(task: Subagent, event: Event, asked: Asked, text: string): Subagent {
  const one = { ...asked, runId: event.runId, taskId: event.taskId, askedAt: event.time };
  return say({ ...task, attention: [...task.attention, one] }, oneLine(`asks: ${text}`));
}

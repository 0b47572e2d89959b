import assert from "node:assert/strict";
import { AgentActivity } from "@api/agent";
import {
  AgentLaunched,
  CommandEnded,
  GateEnded,
  Output,
  RetryRequested,
  TasksAdded,
  WorktreeReady,
} from "@api/event";
import type { Event } from "@api/event";
import { Phase, RunState, type Run } from "@api/run";
import { fold } from "../src/model/fold";
import { at, event, phase, run } from "./build";

const { PHASE_PENDING, PHASE_SETTING_UP, PHASE_IMPLEMENTING, PHASE_TESTING, PHASE_FAILED } = Phase;

const after = (begin: Run, ...events: Event[]): Run => events.reduce(fold, begin);
const taskOf = (state: Run, id = "a") => state.subagents.find((task) => task.taskId === id);

describe("folding events into a run", () => {
  it("changes only the task that the event is about, and leaves what was there as it was", () => {
    const before = run("a", "b");
    const now = after(before, phase(2, PHASE_PENDING, PHASE_SETTING_UP));
    assert.equal(taskOf(now)?.phase, PHASE_SETTING_UP);
    assert.deepEqual(taskOf(now)?.startedAt, at(2));
    assert.equal(taskOf(now, "b"), before.subagents[1]);
    assert.equal(taskOf(before)?.phase, PHASE_PENDING);
    assert.equal(now.lastSequence, 2);
  });

  it("tells why and where a task failed, and that nothing of it waits any more", () => {
    const asked = AgentActivity.fromPartial({
      activity: { $case: "question", value: { id: "q", text: "Which?" } },
    });
    const asking = after(run("a"), event(2, { $case: "agentActivity", value: asked }));
    assert.equal(taskOf(asking)?.attention.length, 1);
    assert.equal(taskOf(asking)?.lastMessage, "asks: Which?");
    const failed = taskOf(after(asking, phase(3, PHASE_TESTING, PHASE_FAILED, 'gate "unit" failed')));
    assert.deepEqual(failed?.attention, []);
    assert.equal(failed.endedIn, PHASE_TESTING);
    assert.equal(failed.reason, 'gate "unit" failed');
    assert.deepEqual(failed.endedAt, at(3));
  });

  it("keeps the last line that says something, without colours", () => {
    const lines = [{ text: "one" }, { text: "\u001b[31mtwo\u001b[0m " }, { text: "  " }];
    const now = after(run("a"), event(2, { $case: "output", value: Output.fromPartial({ lines }) }));
    assert.equal(taskOf(now)?.lastMessage, "two");
  });

  it("forgets a question once it is answered, whoever did", () => {
    const ask = (id: string, decided: boolean) =>
      AgentActivity.fromPartial({ activity: { $case: "permission", value: { id, decided, title: "ls" } } });
    const answer = AgentActivity.fromPartial({ activity: { $case: "answer", value: { id: "1" } } });
    const asking = after(
      run("a"),
      event(2, { $case: "agentActivity", value: ask("1", false) }),
      event(3, { $case: "agentActivity", value: ask("2", true) }),
    );
    assert.deepEqual(
      taskOf(asking)?.attention.map((one) => one.id),
      ["1"],
    );
    assert.deepEqual(
      taskOf(after(asking, event(4, { $case: "agentActivity", value: answer })))?.attention,
      [],
    );
  });

  it("puts tasks that come later behind those that are there", () => {
    const value = TasksAdded.fromPartial({ subagents: [{ taskId: "a", title: "again" }, { taskId: "b" }] });
    const now = after(run("a"), event(2, { $case: "tasksAdded", value }, ""));
    assert.deepEqual(
      now.subagents.map((task) => task.taskId),
      ["a", "b"],
    );
    assert.equal(taskOf(now)?.title, "");
  });

  it("lets the newest result of a gate count", () => {
    const gate = (name: string, passed: boolean) =>
      ({ $case: "gateEnded", value: GateEnded.fromPartial({ result: { name, passed } }) }) as const;
    const now = after(
      run("a"),
      event(2, gate("x", false)),
      event(3, gate("y", true)),
      event(4, gate("x", true)),
    );
    assert.deepEqual(
      taskOf(now)?.gates.map(({ name, passed }) => [name, passed]),
      [
        ["x", true],
        ["y", true],
      ],
    );
  });

  it("begins anew with a retry; the worktree stays unless the retry is fresh", () => {
    const ready = WorktreeReady.fromPartial({ branch: "feature/a", worktree: "/w", baseCommit: "c" });
    const failed = after(
      run("a"),
      event(2, { $case: "worktreeReady", value: ready }),
      phase(3, PHASE_IMPLEMENTING, PHASE_FAILED, "it gave up"),
      event(
        4,
        {
          $case: "runEnded",
          value: {
            state: RunState.RUN_STATE_FAILED,
            duration: undefined,
            trackerPending: 0,
            trackerRequests: 0,
          },
        },
        "",
      ),
    );
    assert.equal(failed.state, RunState.RUN_STATE_FAILED);
    const retried = (fresh: boolean) => {
      const request = event(5, { $case: "retryRequested", value: RetryRequested.fromPartial({ fresh }) });
      return after(failed, { ...request, attempt: 2 });
    };
    assert.equal(retried(false).state, RunState.RUN_STATE_RUNNING);
    assert.equal(retried(false).endedAt, undefined);
    const again = taskOf(retried(false));
    assert.deepEqual(
      [again?.attempt, again?.phase, again?.reason, again?.worktree],
      [2, PHASE_PENDING, "", "/w"],
    );
    assert.equal(taskOf(retried(true))?.worktree, "");
  });

  it("knows what works on the task, and that a pause is over when the program has ended", () => {
    const now = after(
      run("a"),
      event(2, { $case: "agentLaunched", value: AgentLaunched.fromPartial({ name: "claude" }) }),
      event(3, { $case: "agentPaused", value: {} }),
    );
    assert.deepEqual([taskOf(now)?.agent, taskOf(now)?.paused], ["claude", true]);
    const ended = after(now, event(4, { $case: "commandEnded", value: CommandEnded.create() }));
    assert.equal(taskOf(ended)?.paused, false);
  });

  it("only counts what it does not know", () => {
    const now = after(run("a"), event(2, undefined), event(3, undefined, ""));
    assert.deepEqual({ ...now, lastSequence: 1 }, run("a"));
    assert.equal(now.lastSequence, 3);
  });
});

import assert from "node:assert/strict";
import { Phase, Run, RunState, Subagent } from "@api/run";
import { fold } from "../src/model/fold";
import { changedItems, summary, tree } from "../src/model/tree";
import { duration } from "../src/model/times";
import { at, permission, phase, run } from "./build";

const { PHASE_PENDING, PHASE_SETTING_UP, PHASE_IMPLEMENTING, PHASE_COMPLETED, PHASE_FAILED } = Phase;

const onlyTask = (state: Run) => tree([state], at(12))[0]?.children[0];

describe("the tree", () => {
  it("shows runs with their tasks, how far they are and for how long", () => {
    const state = fold(run("a", "b"), phase(2, PHASE_PENDING, PHASE_SETTING_UP));
    const [item] = tree([state], at(12));
    assert.deepEqual([item?.label, item?.description, item?.open], ["Demo", "0/2", true]);
    assert.deepEqual(
      item?.children.map(({ label, description }) => [label, description]),
      [
        ["a", "setting up · 10s"],
        ["b", "pending"],
      ],
    );
    assert.deepEqual(
      item.children.map(({ id }) => id),
      ["r/a", "r/b"],
    );
  });

  it("offers what can be done with a task in its state", () => {
    const begun = fold(run("a"), phase(2, PHASE_PENDING, PHASE_IMPLEMENTING));
    assert.match(onlyTask(begun)?.context ?? "", /^task:.*:active:/);
    assert.doesNotMatch(onlyTask(begun)?.context ?? "", /:retry:|:merge:|:worktree:/);
    const failed = fold(begun, phase(3, PHASE_IMPLEMENTING, PHASE_FAILED, "it gave up"));
    assert.match(onlyTask(failed)?.context ?? "", /:retry:/);
    assert.doesNotMatch(onlyTask(failed)?.context ?? "", /:active:/);
    assert.equal(onlyTask(failed)?.description, "failed · 1.0s · it gave up");
    const completed = fold(begun, phase(3, PHASE_IMPLEMENTING, PHASE_COMPLETED));
    assert.match(onlyTask(completed)?.context ?? "", /:merge:/);
  });

  it("puts a question before everything else", () => {
    const [task] = run("a").subagents;
    assert.ok(task);
    const asking = { ...task, phase: PHASE_IMPLEMENTING, attention: [permission("1")] };
    const item = onlyTask({ ...run("a"), subagents: [asking] });
    assert.ok(item);
    assert.equal(item.looks.icon, "bell-dot");
    assert.match(item.description, /^waits for an answer/);
    assert.match(item.context, /:asks:/);
  });

  it("is drawn anew only where it has changed", () => {
    const begun = fold(run("a", "b"), phase(2, PHASE_PENDING, PHASE_IMPLEMENTING));
    const changed = (before: Run[], now: Run[], seconds = 12) => {
      const items = changedItems(tree(before, at(12)), tree(now, at(seconds)));
      return items === "all" ? items : items.map(({ id }) => id);
    };
    assert.deepEqual(changed([begun], [begun]), []);
    assert.deepEqual(changed([begun], [begun], 13), ["r/a"]);
    const completed = fold(begun, phase(3, PHASE_IMPLEMENTING, PHASE_COMPLETED));
    assert.deepEqual(changed([begun], [completed]), ["r"]);
    assert.deepEqual(changed([run("a")], [run("a", "b")]), ["r"]);
    assert.equal(changed([begun], [{ ...begun, id: "s" }, begun]), "all");
    assert.equal(changed([], [begun]), "all");
  });

  it("sums up what is under way for the status bar", () => {
    const state = fold(run("a", "b", "c"), phase(2, PHASE_PENDING, PHASE_IMPLEMENTING));
    assert.deepEqual(summary([state]), { text: "1 at work · 2 pending", waiting: 0 });
    const ended = { ...state, state: RunState.RUN_STATE_CANCELLED };
    assert.deepEqual(summary([ended]), { text: "", waiting: 0 });
  });

  it("stands a phase that a newer daemon may name", () => {
    // Field 1 is the id, field 5 the phase.
    const newer = Subagent.decode(Uint8Array.of(0x0a, 1, 0x61, 0x28, 99));
    const state = Run.fromPartial({ id: "r", subagents: [newer] });
    assert.match(onlyTask(state)?.description ?? "", /^unknown/);
  });

  it("tells times as the command line does", () => {
    const told = [0, 4940, 9999, 10_000, 59_999, 65_000, 3_600_000 + 20 * 60_000].map(duration);
    assert.deepEqual(told, ["0.0s", "4.9s", "9.9s", "10s", "59s", "1m 5s", "1h 20m"]);
  });
});

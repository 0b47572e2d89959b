import assert from "node:assert/strict";
import type { Event } from "@api/event";
import { Phase, RunState, type Run } from "@api/run";
import { Runs, type Source, type State } from "../src/model/runs";
import { event, phase, run } from "./build";

const ended: Event["payload"] = {
  $case: "runEnded",
  value: { state: RunState.RUN_STATE_COMPLETED, duration: undefined, trackerPending: 0, trackerRequests: 0 },
};

/** Looks once, and tells each state until the run has ended or there is trouble. */
async function watch(source: Partial<Source>): Promise<State[]> {
  const states: State[] = [];
  const ending = new AbortController();
  await new Promise<void>((resolve) => {
    const changed = (state: State) => {
      states.push(state);
      if (state.trouble !== "" || state.runs.some((one) => one.state !== RunState.RUN_STATE_RUNNING))
        resolve();
    };
    const all: Source = {
      list: () => Promise.resolve([]),
      watch: () => stream([]),
      passing: () => false,
      ...source,
    };
    void new Runs(all, changed, ending.signal).look();
  });
  ending.abort();
  return states;
}

async function* stream(events: Event[]): AsyncGenerator<Event[]> {
  await Promise.resolve();
  for (const one of events) yield [one];
}

describe("the runs", () => {
  it("are followed from where the list has them to their end", async () => {
    const asked: number[] = [];
    const states = await watch({
      list: () => Promise.resolve([run("a")]),
      watch: (_, after) => {
        asked.push(after);
        return stream([phase(2, Phase.PHASE_PENDING, Phase.PHASE_COMPLETED), event(3, ended, "")]);
      },
    });
    assert.deepEqual(asked, [1]);
    const phases = states.map((state) => state.runs[0]?.subagents[0]?.phase);
    assert.deepEqual(phases, [Phase.PHASE_PENDING, Phase.PHASE_COMPLETED, Phase.PHASE_COMPLETED]);
    assert.equal(states.at(-1)?.runs[0]?.state, RunState.RUN_STATE_COMPLETED);
  });

  it("are not followed when they have ended", async () => {
    const over: Run = { ...run("a"), state: RunState.RUN_STATE_FAILED };
    const states = await watch({
      list: () => Promise.resolve([over]),
      watch: () => assert.fail("nothing is to be watched"),
    });
    assert.equal(states.length, 1);
  });

  it("stay as they were known when the daemon is not there, and say so", async () => {
    const states = await watch({ list: () => Promise.reject(new Error("the daemon does not answer")) });
    assert.deepEqual(states, [{ runs: [], trouble: "the daemon does not answer" }]);
  });

  it("do not fall back to a list that is older than what was followed", async () => {
    const ending = new AbortController();
    const list = () => Promise.resolve([run("a")]);
    const events = [phase(2, Phase.PHASE_PENDING, Phase.PHASE_SETTING_UP)];
    const runs = new Runs(
      { list, watch: () => stream(events), passing: () => false },
      () => undefined,
      ending.signal,
    );
    await runs.look();
    while (runs.current.runs[0]?.lastSequence !== 2) await new Promise(setImmediate);
    await runs.look();
    assert.equal(runs.current.runs[0].subagents[0]?.phase, Phase.PHASE_SETTING_UP);
    ending.abort();
  });
});

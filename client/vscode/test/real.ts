// Against the real daemon at FANOUT_SOCKET, which has run something: what its events come to here is what it says itself.
import assert from "node:assert/strict";
import type { Run } from "@api/run";
import { GetRunRequest, ListRunsRequest, RunServiceService, WatchRunRequest } from "@api/service";
import { Daemon } from "../src/daemon/daemon";
import { socketPath } from "../src/daemon/place";
import { follow } from "../src/follow/follow";
import { fold } from "../src/model/fold";
import { tree } from "../src/model/tree";
import { run as nothing } from "./build";

describe("the real daemon", () => {
  const daemon = new Daemon(socketPath("", process.env, process.getuid?.() ?? 0));
  after(() => {
    daemon.close();
  });

  /** From the first event on. */
  async function folded(runId: string): Promise<Run> {
    const events = follow({
      open: async function* (after, signal) {
        const request = WatchRunRequest.fromPartial({ runId, afterSequence: after });
        for await (const message of daemon.stream(RunServiceService.watchRun, request, signal))
          yield message.events;
      },
      after: 0,
      passing: () => false,
      pause: () => Promise.resolve(),
      signal: new AbortController().signal,
    });
    let run = nothing();
    for await (const event of events) run = fold(run, event);
    return run;
  }

  it("tells events that fold into the runs that it tells", async () => {
    const { runs } = await daemon.call(RunServiceService.listRuns, ListRunsRequest.create());
    assert.ok(runs.length > 0, "it has run something");
    for (const { id } of runs) {
      const { run } = await daemon.call(RunServiceService.getRun, GetRunRequest.fromPartial({ runId: id }));
      assert.ok(run);
      const ours = await folded(id);
      const now = new Date();
      assert.deepEqual(tree([ours], now), tree([run], now));
      assert.equal(ours.lastSequence, run.lastSequence);
    }
  });
});

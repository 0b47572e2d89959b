import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Metadata, Server, ServerCredentials, status, type ServerWritableStream } from "@grpc/grpc-js";
import { PlanFaults, RunServiceService, WatchRunRequest, WatchRunResponse } from "@api/service";
import { ExecutePlanRequest, GetRunRequest } from "@api/service";
import { Daemon } from "../src/daemon/daemon";
import { CallFailed } from "../src/daemon/failure";
import { passedOn, programCandidates, socketPath } from "../src/daemon/place";
import { answers, ensureDaemon } from "../src/daemon/start";
import { follow } from "../src/follow/follow";
import { pause } from "../src/follow/pause";
import { event } from "./build";

const last = 6;
let folder: string;
let socket: string;
let server: Server | undefined;

/** Sends the events behind the one that is asked for, at most so many; then the stream stays open, or ends with the last. */
function watchRun(most: number) {
  return (call: ServerWritableStream<WatchRunRequest, WatchRunResponse>) => {
    const { afterSequence: after } = call.request;
    for (let at = after + 1; at <= Math.min(last, after + most); ++at)
      call.write({ events: [event(at, undefined)], speech: [] });
    if (after + most >= last) call.end();
  };
}

async function serve(most: number): Promise<void> {
  server = new Server();
  const unknown = { code: status.NOT_FOUND, details: "there is no run x" };
  const faults = PlanFaults.encode(
    PlanFaults.fromPartial({ diagnostics: [{ message: "no tasks" }] }),
  ).finish();
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(faults));
  const bad = { code: status.INVALID_ARGUMENT, details: "the plan has faults", metadata };
  server.addService(RunServiceService, {
    watchRun: watchRun(most),
    getRun: (_: unknown, reply: (error: object) => void) => {
      reply(unknown);
    },
    executePlan: (_: unknown, reply: (error: object) => void) => {
      reply(bad);
    },
  });
  const started = server;
  await new Promise<void>((resolve, reject) => {
    started.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

describe("the daemon over its socket", () => {
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "fanout-vscode-"));
    socket = path.join(folder, "d.sock");
  });
  afterEach(() => {
    server?.forceShutdown();
    rmSync(folder, { recursive: true });
  });

  it("is followed without gap or repeat while it dies and comes back", async () => {
    const daemon = new Daemon(socket);
    const ending = new AbortController();
    await serve(4);
    const events = follow({
      open: async function* (after, signal) {
        const request = WatchRunRequest.fromPartial({ runId: "r", afterSequence: after });
        for await (const message of daemon.stream(RunServiceService.watchRun, request, signal))
          yield message.events;
      },
      after: 0,
      passing: (error) => error instanceof CallFailed && error.passing,
      pause: (_, signal) => pause(20, signal),
      signal: ending.signal,
    });
    const seen: number[] = [];
    for await (const { sequence } of events) {
      seen.push(sequence);
      if (sequence !== 4) continue;
      server?.forceShutdown();
      rmSync(socket, { force: true });
      await serve(last);
    }
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6]);
    daemon.close();
  });

  it("says in one sentence what went wrong, and hands on a plan's faults", async () => {
    await serve(0);
    const daemon = new Daemon(socket);
    const failed = daemon.call(RunServiceService.getRun, GetRunRequest.fromPartial({ runId: "x" }));
    await assert.rejects(failed, (error: CallFailed) => {
      assert.deepEqual(
        [error.message, error.code, error.passing],
        ["there is no run x", status.NOT_FOUND, false],
      );
      return true;
    });
    const faulty = daemon.call(RunServiceService.executePlan, ExecutePlanRequest.create());
    await assert.rejects(faulty, (error: CallFailed) => {
      assert.deepEqual(
        error.faults.map(({ message }) => message),
        ["no tasks"],
      );
      return true;
    });
    daemon.close();
  });

  it("is told apart from one that is not there", async () => {
    const daemon = new Daemon(socket);
    const failed = daemon.call(RunServiceService.getRun, GetRunRequest.create());
    await assert.rejects(failed, (error: CallFailed) => error.passing);
    assert.equal(await answers(socket), false);
    daemon.close();
  });

  it("is waited for when it has just come, after calls in vain", async () => {
    const daemon = new Daemon(socket);
    const call = () => daemon.call(RunServiceService.getRun, GetRunRequest.fromPartial({ runId: "x" }));
    await assert.rejects(call(), (error: CallFailed) => error.passing);
    await serve(0);
    await daemon.connected();
    await assert.rejects(call(), { message: "there is no run x" });
    daemon.close();
  });

  it("ends a stream without a word when told to", async () => {
    await serve(1);
    const daemon = new Daemon(socket);
    const ending = new AbortController();
    const request = WatchRunRequest.fromPartial({ runId: "r" });
    for await (const message of daemon.stream(RunServiceService.watchRun, request, ending.signal)) {
      assert.equal(message.events.length, 1);
      ending.abort();
    }
    daemon.close();
  });

  it("is started by the command line, whose words are passed on when it cannot", async () => {
    const program = path.join(folder, "fanout");
    writeFileSync(program, `#!/bin/sh\necho "fanoutd cannot be started: $*" >&2\nexit 3\n`, { mode: 0o755 });
    await assert.rejects(ensureDaemon(socket, program, true), {
      message: `fanoutd cannot be started: --socket ${socket} daemon start`,
    });
    await assert.rejects(ensureDaemon(socket, program, false), /no daemon answers/);
    await assert.rejects(ensureDaemon(socket, "relative/fanout", true), /no absolute path/);
  });
});

describe("places", () => {
  it("are those of the command line", () => {
    assert.equal(socketPath("", {}, 7), "/tmp/fanout-7/fanoutd.sock");
    assert.equal(socketPath("", { XDG_RUNTIME_DIR: "/run/user/7" }, 7), "/run/user/7/fanout/fanoutd.sock");
    assert.equal(socketPath("", { XDG_RUNTIME_DIR: "relative" }, 7), "/tmp/fanout-7/fanoutd.sock");
    assert.equal(socketPath("", { FANOUT_SOCKET: "/a/b", XDG_RUNTIME_DIR: "/run" }, 7), "/a/b");
    assert.equal(socketPath("/c", { FANOUT_SOCKET: "/a/b" }, 7), "/c");
    assert.throws(() => socketPath(`/${"x".repeat(120)}`, {}, 7), /too long/);
  });

  it("take no program from a relative entry of PATH", () => {
    assert.deepEqual(programCandidates("", { PATH: ".:/usr/bin::bin" }), ["/usr/bin/fanout"]);
    assert.deepEqual(programCandidates("./fanout", {}), []);
  });

  it("let no variable out that could hold a secret", () => {
    const given = { PATH: "/bin", LC_ALL: "C", GH_TOKEN: "secret", HOME: "/home", TZ: undefined };
    assert.deepEqual(passedOn(given), { PATH: "/bin", LC_ALL: "C" });
  });
});

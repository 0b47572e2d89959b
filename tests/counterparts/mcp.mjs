// An official client of the Model Context Protocol drives `fanout mcp`, as an agent's program would:
//   mcp.mjs 2025-11-25|2026-07-28 FANOUT SOCKET REPOSITORY FOREIGN-REPOSITORY FOREIGN-RUN
// The earlier revision is spoken by version 1 of the SDK, the later one by version 2.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "./common.mjs";

const [version, fanout, socket, repository, foreign, foreignRun] = process.argv.slice(2);
const modern = version === "2026-07-28";
setTimeout(() => { console.error("it hangs"); process.exit(1); }, 240_000).unref();

const { Client } = await load(modern ? "@modelcontextprotocol/client/dist/index.mjs" : "@modelcontextprotocol/sdk/dist/esm/client/index.js");
const { StdioClientTransport } = await load(modern ? "@modelcontextprotocol/client/dist/stdio.mjs" : "@modelcontextprotocol/sdk/dist/esm/client/stdio.js");
const options = modern ? { versionNegotiation: { mode: { pin: version } } } : {};
const client = new Client({ name: "test", version: "1" }, options);
await client.connect(new StdioClientTransport({ command: fanout, args: ["--socket", socket, "--no-start", "mcp"], cwd: repository }));

/** What the tool answers, structured; the client has checked it against the tool's output schema. */
async function call(name, args = {}, options = {}) {
  const rest = modern ? [options] : [undefined, options];
  const result = await client.callTool({ name, arguments: args }, ...rest);
  assert.ok(!result.isError, `${name}: ${result.content[0].text}`);
  assert.deepEqual(JSON.parse(result.content[1].text), result.structuredContent);
  return result.structuredContent;
}

/** Why the tool refuses. */
async function refused(name, args) {
  const result = await client.callTool({ name, arguments: args });
  assert.equal(result.isError, true, `${name} was not refused`);
  return result.content[0].text;
}

async function status(run) { return (await call("run_status", { run })).runs[0]; }

/** All events up to the end, by the cursor, a few at a time. */
async function eventsOf(run, more = {}) {
  const all = [];
  for (let after = 0; ; ) {
    const answer = await call("run_events", { run, after, limit: 3, timeout_seconds: 60, ...more });
    all.push(...answer.events);
    assert.ok(answer.cursor >= after);
    after = answer.cursor;
    if (answer.ended) return all;
  }
}

const git = (...words) => execFileSync("git", ["-C", repository, ...words], { encoding: "utf8" }).trim();

/** What lands, once a merge that was cancelled has let go of the branch. */
async function mergedWhenFree(args) {
  for (;;) {
    const result = await client.callTool({ name: "run_merge", arguments: args });
    if (!result.isError) return result.structuredContent.landed;
    assert.match(result.content[0].text, /being merged/);
  }
}

async function until(run, seen) {
  for (let after = 0; ; ) {
    const answer = await call("run_events", { run, after, output: true, timeout_seconds: 60 });
    assert.ok(!answer.ended, "it ended first");
    if (answer.events.some(seen)) return;
    after = answer.cursor;
  }
}

const begun = (event) => event.kind === "output" && event.text.includes("begun");
const steps = {
  async "tools are listed, with schemas both ways"() {
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map((tool) => tool.name).sort(), ["plan_describe", "plan_execute", "plan_validate", "run_cancel", "run_events", "run_merge", "run_status", "task_answer", "task_diff", "task_logs", "task_retry"]);
    for (const tool of tools) assert.ok(tool.description && tool.inputSchema.type === "object" && tool.outputSchema.type === "object", tool.name);
    assert.ok(tools.find((tool) => tool.name === "plan_validate").annotations.readOnlyHint);
    await assert.rejects(client.callTool({ name: "no_such_tool", arguments: {} }), { code: -32602 });
  },

  async "a bad plan's faults are told with their places, and it is not executed"() {
    const answer = await call("plan_validate", { plan: "bad.yaml" });
    assert.equal(answer.valid, false);
    const fault = answer.diagnostics.find((one) => one.message.includes("nowhere"));
    assert.equal(fault.file, join(repository, "bad.yaml"));
    assert.ok(fault.line > 0);
    assert.match(await refused("plan_execute", { plan: "bad.yaml" }), /bad\.yaml:\d+.*nowhere[^]*nothing was started/);
    assert.match(await refused("plan_validate", { plan: "bad.yaml", colour: "red" }), /has no "colour"/);
  },

  async "a good plan is described, and executed with progress to its end"() {
    const plan = await call("plan_describe");
    assert.deepEqual(plan.tasks.map((task) => [task.id, task.wave]), [["one", 1], ["two", 2]]);
    const told = [];
    const answer = await call("plan_execute", { wait: true }, { onprogress: (progress) => told.push(progress), timeout: 120_000 });
    assert.equal(answer.ended, true);
    assert.equal(answer.run.state, "completed");
    assert.deepEqual(answer.run.tasks.map((task) => [task.id, task.phase, task.commits > 0]), [["one", "completed", true], ["two", "completed", true]]);
    assert.match(told[0].message, new RegExp(answer.run.id));
    assert.ok(told.length > 5);
    for (let i = 1; i < told.length; ++i) assert.ok(told[i].progress > told[i - 1].progress, "progress goes back");
    assert.deepEqual([told.at(-1).progress, told.at(-1).total], [2, 2]);
  },

  async "events come by a cursor, each once, until the end"() {
    const { run, ended } = await call("plan_execute");
    assert.equal(ended, false);
    const events = await eventsOf(run.id);
    for (let i = 1; i < events.length; ++i) assert.ok(events[i].sequence > events[i - 1].sequence);
    assert.equal(events[0].kind, "run_started");
    assert.equal(events.at(-1).kind, "run_ended");
    const ends = events.filter((event) => event.kind === "phase_changed" && event.phase === "completed");
    assert.deepEqual(ends.map((event) => event.task), ["one", "two"]);
    const ofTwo = await eventsOf(run.id, { task: "two" });
    assert.ok(ofTwo.length < events.length && ofTwo.every((event) => !event.task || event.task === "two"));
  },

  async "runs and logs are resources"() {
    const { resourceTemplates } = await client.listResourceTemplates();
    assert.equal(resourceTemplates.length, 2);
    const { resources } = await client.listResources();
    const log = resources.find((resource) => resource.uri.endsWith("/tasks/one/logs/agent.stdout"));
    assert.equal((await client.readResource({ uri: log.uri })).contents[0].text, "working on one\n");
    const run = JSON.parse((await client.readResource({ uri: "fanout://runs/last" })).contents[0].text);
    assert.equal(run.state, "completed");
    for (const uri of ["fanout://runs/none", "fanout://runs/last/tasks/one/logs/..%2Fprompt.md", "file:///etc/passwd"])
      await assert.rejects(client.readResource({ uri }), { code: modern ? -32602 : -32002 }, uri);
  },

  async "logs are read from where one likes"() {
    const end = await call("task_logs", { task: "one", limit: 5 });
    assert.deepEqual([end.text, end.next_offset, end.more], [" one\n", 15, false]);
    const start = await call("task_logs", { task: "one", offset: 0, limit: 7 });
    assert.deepEqual([start.text, start.next_offset, start.more], ["working", 7, true]);
    const rest = await call("task_logs", { task: "one", offset: 7 });
    assert.deepEqual([rest.text, rest.more], [" on one\n", false]);
    assert.match(await refused("task_logs", { task: "one", log: "none.log" }), /there are: .*agent\.stdout/);
    assert.match(await refused("task_logs", {}), /task is missing/);
  },

  async "what a task has changed is shown, whole or in parts"() {
    const whole = await call("task_diff", { task: "one" });
    assert.deepEqual(whole.files, [{ path: "one.txt", change: "added", added: 1, deleted: 0 }]);
    assert.match(whole.patch, /^diff --git [^]*\n\+x\n$/);
    assert.deepEqual([whole.more, whole.next_offset, whole.uncommitted], [false, whole.patch.length, false]);
    const begin = await call("task_diff", { task: "one", limit: 10 });
    assert.deepEqual([begin.patch.length, begin.more], [10, true]);
    const rest = await call("task_diff", { task: "one", offset: begin.next_offset });
    assert.equal(begin.patch + rest.patch, whole.patch);
    assert.equal((await call("task_diff", { task: "one", files_only: true })).patch, "");
  },

  async "a run is merged, with progress, into the branch that is named"() {
    git("branch", "release");
    const planned = await call("run_merge", { run: "last", into: "release", dry_run: true });
    assert.deepEqual([planned.landed, planned.left_out, planned.dry_run], [["one", "two"], [], true]);
    assert.equal(git("rev-parse", "release"), git("rev-parse", "main"));
    const told = [];
    const merged = await call("run_merge", { run: "last", into: "release" }, { onprogress: (progress) => told.push(progress) });
    assert.deepEqual([merged.landed, merged.left_out, merged.into], [["one", "two"], [], "release"]);
    assert.equal(git("rev-parse", "release"), merged.commit);
    assert.equal(git("show", "release:two.txt"), "x");
    assert.deepEqual([told.at(-1).progress, told.at(-1).total], [2, 2]);
    assert.deepEqual((await call("run_merge", { run: "last", into: "release" })).merged_before, ["one", "two"]);
  },

  async "a merge that is cancelled moves nothing, and can be asked for again"() {
    const { run } = await call("plan_execute", { plan: "gated.yaml", wait: true }, { timeout: 120_000 });
    assert.equal(run.state, "completed");
    git("branch", "careful");
    writeFileSync(join(repository, "slow"), "");
    const stop = new AbortController();
    const onprogress = ({ message }) => message === "trying three" && stop.abort("enough");
    await assert.rejects(call("run_merge", { run: run.id, into: "careful" }, { onprogress, signal: stop.signal, timeout: 120_000 }));
    assert.equal(git("rev-parse", "careful"), git("rev-parse", "main"));
    rmSync(join(repository, "slow"));
    assert.deepEqual(await mergedWhenFree({ run: run.id, into: "careful" }), ["three"]);
  },

  async "a cancelled request waits no longer, and leaves the run alone"() {
    const { run } = await call("plan_execute", { plan: "slow.yaml" });
    await until(run.id, begun);
    const { last_sequence } = await status(run.id);
    const stop = new AbortController();
    const waiting = call("run_events", { run: run.id, after: last_sequence, timeout_seconds: 600 }, { signal: stop.signal, timeout: 120_000 });
    stop.abort("enough");
    await assert.rejects(waiting, (error) => String(error?.message ?? error).includes("enough"));
    assert.equal((await status(run.id)).state, "running");
    assert.deepEqual((await call("run_cancel", { run: run.id })).tasks, ["slow"]);
    await eventsOf(run.id);
    assert.equal((await status(run.id)).state, "cancelled");
    assert.deepEqual((await call("task_retry", { run: run.id })).tasks, ["slow"]);
    await call("run_cancel", { run: run.id });
  },

  async "a cancelled execute ends its run, where that was asked for"() {
    const stop = new AbortController();
    let id;
    const onprogress = ({ message }) => {
      id ??= /run (\S+) has begun/.exec(message)?.[1];
      if (message === "slow: implementing") stop.abort("enough");
    };
    await assert.rejects(call("plan_execute", { plan: "slow.yaml", wait: true, on_cancel: "cancel" }, { onprogress, signal: stop.signal, timeout: 120_000 }));
    await eventsOf(id);
    assert.equal((await status(id)).state, "cancelled");
  },

  async "what it was not started for is neither seen nor touched"() {
    const { runs } = await call("run_status");
    assert.ok(runs.length > 0 && runs.every((run) => run.repository === repository));
    for (const [name, args] of [
      ["run_status", { run: foreignRun }], ["run_status", { run: foreignRun.slice(0, -1) }], ["run_cancel", { run: foreignRun }],
      ["task_retry", { run: foreignRun }], ["run_events", { run: foreignRun }], ["task_logs", { run: foreignRun, task: "slow" }],
      ["task_answer", { run: foreignRun, task: "slow", allow: true }], ["task_diff", { run: foreignRun, task: "slow" }], ["run_merge", { run: foreignRun }],
    ]) {
      const why = await refused(name, args);
      assert.match(why, /there is no run/, name);
      assert.ok(!why.includes(foreign), name);
    }
    for (const args of [{ plan: join(foreign, "slow.yaml") }, { plan: "linked.yaml" }, { repository: foreign }, { repository: foreign, plan: "slow.yaml" }]) {
      assert.match(await refused("plan_execute", args), /outside of what this server was started for/);
      assert.match(await refused("plan_validate", args), /outside of what this server was started for/);
    }
    await assert.rejects(client.readResource({ uri: `fanout://runs/${foreignRun}` }));
    const { resources } = await client.listResources();
    assert.ok(!resources.some((resource) => resource.uri.includes(foreignRun)));
  },

  async "a plan that names another repository stays in this one"() {
    assert.equal((await call("plan_describe", { plan: "astray.yaml" })).repository, repository);
    const { run } = await call("plan_execute", { plan: "astray.yaml", wait: true }, { timeout: 120_000 });
    assert.deepEqual([run.repository, run.state], [repository, "completed"]);
  },

  async "a question is answered"() {
    assert.match(await refused("task_answer", { task: "one" }), /one of allow, option, text and items/);
    assert.match(await refused("task_answer", { task: "one", allow: true, text: "no" }), /one of allow, option, text and items/);
    assert.ok(await refused("task_answer", { task: "one", allow: true }), "nothing waits");
  },
};

for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
  } catch (error) {
    console.error(`${version}: ${name}:`, error);
    process.exit(1);
  }
}
await client.close();
console.log(`${Object.keys(steps).length} steps`);

// Executes a plan and follows it to its end, with nothing of Fanout's but its .proto files, read when it starts.
//   npm ci && node follow.mjs PLAN [AGENT]
import { readdirSync } from "node:fs";
import path from "node:path";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const proto = path.resolve(import.meta.dirname, "../../proto"); // or /usr/share/fanout/proto
const files = readdirSync(`${proto}/fanout/v1`).map((name) => `fanout/v1/${name}`);
const { fanout } = grpc.loadPackageDefinition(
  loader.loadSync(files, { includeDirs: [proto], enums: String, longs: Number, oneofs: true, defaults: true }),
);

const [plan, agent = ""] = process.argv.slice(2);
const folder = process.env.XDG_RUNTIME_DIR ? `${process.env.XDG_RUNTIME_DIR}/fanout` : `/tmp/fanout-${process.getuid()}`;
const socket = process.env.FANOUT_SOCKET || `${folder}/fanoutd.sock`;
const runs = new fanout.v1.RunService(`unix:${socket}`, grpc.credentials.createInsecure());

const request = { planPath: path.resolve(plan), overrides: { agent }, workingDirectory: process.cwd() };
runs.executePlan(request, (refused, answer) => {
  if (refused) return fail(refused);
  const stream = runs.watchRun({ runId: answer.run.id });
  stream.on("data", ({ events }) => events.forEach(tell));
  stream.on("error", fail);
});

function tell({ taskId, payload, phaseChanged, runEnded }) {
  if (payload === "phaseChanged") console.log(taskId, phaseChanged.to.replace("PHASE_", "").toLowerCase(), phaseChanged.reason);
  if (payload === "runEnded") console.log(runEnded.state.replace("RUN_STATE_", "").toLowerCase());
  if (payload === "runEnded") process.exitCode = runEnded.state === "RUN_STATE_COMPLETED" ? 0 : 1;
}

function fail({ details }) {
  console.error(details);
  process.exitCode = 1;
}

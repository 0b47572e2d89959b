import * as vscode from "vscode";
import { randomUUID } from "node:crypto";
import { AdmissionServiceService, ExplainTaskRequest } from "@api/admission";
import { PoolServiceService, WarmPoolRequest } from "@api/pool";
import type { Run, Subagent } from "@api/run";
import { CancelRunRequest, ExecutePlanRequest, RetryRunRequest, RunServiceService } from "@api/service";
import { CallFailed } from "../daemon/failure";
import { passedOn } from "../daemon/place";
import { counted } from "../model/text";
import type { Place } from "../model/tree";
import type { Questions } from "./attention";
import type { Checker } from "./checker";
import { showDiff } from "./diff";
import type { Logs } from "./logs";
import { merge } from "./merge";
import { planOf, rangeOf } from "./plan_files";
import { setting, type Session } from "./session";

/** What the commands work with. */
export interface Parts {
  readonly session: Session;
  readonly checker: Checker;
  readonly logs: Logs;
  readonly questions: Questions;
  readonly output: vscode.LogOutputChannel;
  readonly runs: () => readonly Run[];
  /** Has the runs looked at now. */
  readonly look: () => Promise<void>;
}

/** Each command by its name: with an item of the tree it is about that, else the person is asked. */
export function commandsOf(parts: Parts): Record<string, (target?: unknown) => Promise<void>> {
  return {
    "fanout.execute": (target) => execute(parts, target),
    "fanout.warm": (target) => warm(parts, target),
    "fanout.cancel": (target) => cancel(parts, target),
    "fanout.retry": (target) => retry(parts, target),
    "fanout.answer": (target) => {
      const { runId, taskId } = isItem(target) ? target : {};
      return parts.questions.answer(runId, taskId);
    },
    "fanout.merge": async (target) => {
      const [run, task] = await aboutRun(parts, target);
      if (run) await merge(parts.session, parts.output, run.id, task);
    },
    "fanout.openWorktree": async (target) => openWorktree(await aboutTask(parts, target)),
    "fanout.diff": async (target) => {
      const about = await aboutTask(parts, target);
      if (about) await showDiff(about.task);
    },
    "fanout.log": async (target) => openLog(parts, await aboutTask(parts, target)),
    "fanout.why": async (target) => why(parts, await aboutTask(parts, target)),
    "fanout.openTaskFile": async (target) => openInPlan(await aboutTask(parts, target)),
    "fanout.startDaemon": async () => {
      await parts.session.ready(true);
      await parts.look();
    },
  };
}

async function execute(parts: Parts, target: unknown): Promise<void> {
  const plan = await planDocument(target);
  if (!plan) return;
  const daemon = await parts.session.ready(true);
  const request = ExecutePlanRequest.fromPartial({
    planPath: plan.uri.fsPath,
    overrides: { agent: setting("agent") },
    workingDirectory: vscode.workspace.getWorkspaceFolder(plan.uri)?.uri.fsPath ?? "",
    environment: passedOn(process.env),
    requestId: randomUUID(),
  });
  try {
    const { run } = await daemon.call(RunServiceService.executePlan, request);
    void vscode.window.showInformationMessage(`Started ${run?.id ?? "the run"}`);
  } catch (error) {
    if (!(error instanceof CallFailed) || error.faults.length === 0) throw error;
    await parts.checker.show(plan.uri, error.faults);
    await vscode.commands.executeCommand("workbench.actions.view.problems");
    throw new Error(`${error.message} (see Problems)`);
  }
  await parts.look();
  await vscode.commands.executeCommand("fanout.runs.focus");
}

async function warm(parts: Parts, target: unknown): Promise<void> {
  const plan = await planDocument(target);
  if (!plan) return;
  const daemon = await parts.session.ready(true);
  const request = WarmPoolRequest.fromPartial({
    planPath: plan.uri.fsPath,
    count: planOf(plan)?.tasks.length ?? 1,
  });
  const { pool } = await daemon.call(PoolServiceService.warmPool, request);
  const text = pool ? `${pool.ready} of ${counted(pool.wanted + pool.ready, "worktree")} ready` : "asked for";
  void vscode.window.showInformationMessage(`Pool: ${[text, pool?.waitingFor].filter(Boolean).join("; ")}`);
}

async function cancel(parts: Parts, target: unknown): Promise<void> {
  const [run, taskId] = await aboutRun(parts, target);
  if (!run) return;
  const yes = "Cancel It";
  const what = taskId ? `${taskId} of ${run.id}` : `all of ${run.id}`;
  if ((await vscode.window.showWarningMessage(`Cancel ${what}?`, { modal: true }, yes)) !== yes) return;
  await parts.session.daemon.call(
    RunServiceService.cancelRun,
    CancelRunRequest.fromPartial({ runId: run.id, taskId }),
  );
}

async function retry(parts: Parts, target: unknown): Promise<void> {
  const [run, taskId] = await aboutRun(parts, target);
  if (!run) return;
  await parts.session.daemon.call(
    RunServiceService.retryRun,
    RetryRunRequest.fromPartial({ runId: run.id, taskId }),
  );
  await parts.look();
}

interface About {
  readonly run: Run;
  readonly task: Subagent;
}

async function openWorktree(about: About | undefined): Promise<void> {
  if (!about) return;
  if (!about.task.worktree) throw new Error(`${about.task.taskId} has no worktree yet`);
  const folder = vscode.Uri.file(about.task.worktree);
  await vscode.commands.executeCommand("vscode.openFolder", folder, { forceNewWindow: true });
}

async function openLog(parts: Parts, about: About | undefined): Promise<void> {
  if (!about) return;
  const gates = about.task.gates.map((gate) => gate.log).filter(Boolean);
  const logs = ["agent.stdout", "agent.stderr", ...gates];
  const title = `Logs of ${about.task.taskId}`;
  const chosen = gates.length > 0 ? await vscode.window.showQuickPick(logs, { title }) : logs[0];
  if (chosen) await parts.logs.show(about.run.id, about.task.taskId, chosen);
}

async function why(parts: Parts, about: About | undefined): Promise<void> {
  if (!about) return;
  const request = ExplainTaskRequest.fromPartial({ runId: about.run.id, taskId: about.task.taskId });
  const told = await parts.session.daemon.call(AdmissionServiceService.explainTask, request);
  const reasons = told.reasons.map(({ text, release }) => [text, release].filter(Boolean).join(" "));
  const detail = [...reasons, ...told.commands.map((line) => `$ ${line}`)].join("\n\n");
  await vscode.window.showInformationMessage(told.summary, { modal: true, detail });
}

async function openInPlan(about: About | undefined): Promise<void> {
  if (!about) return;
  const document = await vscode.workspace.openTextDocument(about.run.planPath);
  const task = planOf(document)?.tasks.find(({ id }) => id.text === about.task.taskId);
  const selection = task && { selection: rangeOf(document, task.id) };
  await vscode.window.showTextDocument(document, selection);
}

/** The plan that is meant: the one that is named, else the one in front. Saved, since the daemon reads files. */
async function planDocument(target: unknown): Promise<vscode.TextDocument | undefined> {
  const named = target instanceof vscode.Uri ? await vscode.workspace.openTextDocument(target) : undefined;
  const document = named ?? vscode.window.activeTextEditor?.document;
  if (!document || !planOf(document))
    throw new Error("this is no plan: open one, such as .parallel/plans/plan.yaml");
  if (document.isDirty && !(await document.save())) return undefined;
  return document;
}

const isItem = (target: unknown): target is Place =>
  typeof target === "object" && target !== null && "runId" in target && "taskId" in target;

/** The run that is meant, and the task where it is about one. */
async function aboutRun(parts: Parts, target: unknown): Promise<[Run | undefined, string]> {
  if (isItem(target)) return [parts.runs().find((run) => run.id === target.runId), target.taskId];
  return [await chooseRun(parts.runs()), ""];
}

async function aboutTask(parts: Parts, target: unknown): Promise<About | undefined> {
  const item = isItem(target) ? target : undefined;
  const run = item ? parts.runs().find(({ id }) => id === item.runId) : await chooseRun(parts.runs());
  const task = item?.taskId
    ? run?.subagents.find(({ taskId }) => taskId === item.taskId)
    : run && (await chooseTask(run));
  return run && task && { run, task };
}

async function chooseRun(runs: readonly Run[]): Promise<Run | undefined> {
  if (runs.length === 0) throw new Error("there are no runs yet");
  if (runs.length === 1) return runs[0];
  const lines = runs.map((run) => ({ label: run.name || run.id, description: run.id, run }));
  return (await vscode.window.showQuickPick(lines, { title: "Which run?" }))?.run;
}

async function chooseTask(run: Run): Promise<Subagent | undefined> {
  const lines = run.subagents.map((task) => ({ label: task.taskId, description: task.title, task }));
  return (await vscode.window.showQuickPick(lines, { title: "Which task?" }))?.task;
}

import * as vscode from "vscode";
import { ListRunsRequest, RunServiceService, WatchRunRequest } from "@api/service";
import { CallFailed, messageOf } from "./daemon/failure";
import { Questions } from "./editor/attention";
import { Checker } from "./editor/checker";
import { commandsOf } from "./editor/commands";
import { registerCommittedFiles } from "./editor/diff";
import { languageFeatures } from "./editor/language";
import { Logs } from "./editor/logs";
import { planOf } from "./editor/plan_files";
import { RunsView } from "./editor/runs_view";
import { Session } from "./editor/session";
import { Status } from "./editor/status";
import { Runs, type Source } from "./model/runs";

const shownRuns = 20;

export function activate(context: vscode.ExtensionContext): void {
  const ending = new AbortController();
  const output = vscode.window.createOutputChannel("Fanout", { log: true });
  const session = new Session();
  const view = new RunsView();
  const status = new Status();
  let waiting = 0;
  const draw = () => {
    const { runs: known, trouble } = runs.current;
    view.show(known, trouble, waiting);
    status.show(known, trouble);
  };
  const runs = new Runs(runsOf(session), draw, ending.signal);
  const questions = new Questions(session, (count) => {
    waiting = count;
    draw();
  });
  const checker = new Checker(session, output);
  const logs = new Logs(session);
  const known = () => runs.current.runs;
  const commands = commandsOf({
    session,
    checker,
    logs,
    questions,
    output,
    runs: known,
    look: () => runs.look(),
  });
  context.subscriptions.push(
    ...[output, session, view, status, checker, logs, registerCommittedFiles(), languageFeatures(known)],
    ...Object.entries(commands).map(([name, command]) =>
      vscode.commands.registerCommand(name, told(command, output)),
    ),
    vscode.window.onDidChangeActiveTextEditor(tellWhetherPlan),
    new vscode.Disposable(() => {
      ending.abort();
    }),
  );
  tellWhetherPlan(vscode.window.activeTextEditor);
  void runs.run();
  void questions.run(ending.signal);
}

function runsOf(session: Session): Source {
  return {
    list: async () => {
      const request = ListRunsRequest.fromPartial({ limit: shownRuns });
      return (await session.daemon.call(RunServiceService.listRuns, request)).runs;
    },
    watch: async function* (runId, after, signal) {
      const request = WatchRunRequest.fromPartial({ runId, afterSequence: after });
      for await (const { events } of session.daemon.stream(RunServiceService.watchRun, request, signal))
        yield events;
    },
    passing: (error) => error instanceof CallFailed && error.passing,
  };
}

/** A command whose failure is told to the person. */
function told(command: (target?: unknown) => Promise<void>, output: vscode.LogOutputChannel) {
  return async (target?: unknown): Promise<void> => {
    try {
      await command(target);
    } catch (error) {
      output.error(messageOf(error));
      void vscode.window.showErrorMessage(`Fanout: ${messageOf(error)}`);
    }
  };
}

/** For the menus: whether the editor in front shows a plan. */
function tellWhetherPlan(editor: vscode.TextEditor | undefined): void {
  const isPlan = editor !== undefined && planOf(editor.document) !== undefined;
  void vscode.commands.executeCommand("setContext", "fanout.isPlan", isPlan);
}

import * as vscode from "vscode";
import { MergeRequest, MergingServiceService } from "@api/merging";
import { mergeLine, mergeOutcome } from "../model/merging";
import type { Session } from "./session";

/** Brings completed tasks of a run into one branch, after the person has said yes; shows each step. */
export async function merge(
  session: Session,
  log: vscode.LogOutputChannel,
  runId: string,
  taskId: string,
): Promise<void> {
  const what = taskId ? `${taskId} of ${runId}` : `all completed tasks of ${runId}`;
  const yes = "Merge";
  const detail = "Their gates run on the merged result first, and the branch moves only to what has passed.";
  if ((await vscode.window.showWarningMessage(`Merge ${what}?`, { modal: true, detail }, yes)) !== yes)
    return;
  const options = { location: vscode.ProgressLocation.Notification, title: "Fanout", cancellable: true };
  const outcome = await vscode.window.withProgress(options, async (progress, token) => {
    const ending = new AbortController();
    token.onCancellationRequested(() => {
      ending.abort();
    });
    const request = MergeRequest.fromPartial({ runId, taskIds: taskId ? [taskId] : [] });
    let said = "The merge was ended; what had landed has landed.";
    for await (const answer of session.daemon.stream(MergingServiceService.merge, request, ending.signal)) {
      const line = mergeLine(answer);
      if (line) progress.report({ message: line });
      if (line) log.info(line);
      if (answer.step?.$case === "ended") said = mergeOutcome(answer.step.value);
    }
    return said;
  });
  void vscode.window.showInformationMessage(outcome);
}

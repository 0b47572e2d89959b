import * as vscode from "vscode";
import path from "node:path";
import type { Subagent } from "@api/run";
import { counted } from "../model/text";
import type { Change } from "../review/changes";
import { changesSince, fileAt } from "../review/git";

const scheme = "fanout-git";

/** Files as they are in a commit, as documents; an empty path is an empty document. */
class Committed implements vscode.TextDocumentContentProvider {
  provideTextDocumentContent(uri: vscode.Uri): Promise<string> | string {
    const { worktree, commit, path: file } = Object.fromEntries(new URLSearchParams(uri.query));
    return worktree && commit && file ? fileAt(worktree, commit, file) : "";
  }
}

export function registerCommittedFiles(): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(scheme, new Committed());
}

/** Shows what a task has changed so far, in the editor's own diff editor. */
export async function showDiff(task: Subagent): Promise<void> {
  if (!task.worktree) throw new Error(`${task.taskId} has no worktree yet`);
  const changes = await changesSince(task.worktree, task.baseCommit);
  if (changes.length === 0) {
    void vscode.window.showInformationMessage(`${task.taskId} has changed nothing so far`);
    return;
  }
  const [only] = changes;
  const chosen = changes.length === 1 && only ? only : await choose(task, changes);
  if (chosen === "all") await showAll(task, changes);
  else if (chosen) await showOne(task, chosen);
}

async function choose(task: Subagent, changes: readonly Change[]): Promise<Change | "all" | undefined> {
  const all = { label: `$(diff-multiple) All ${counted(changes.length, "file")}`, change: "all" as const };
  const each = changes.map((change) => ({ label: change.path, description: change.kind, change }));
  const chosen = await vscode.window.showQuickPick([all, ...each], {
    title: `What ${task.taskId} has changed`,
    matchOnDescription: true,
  });
  return chosen?.change;
}

function sides(task: Subagent, change: Change): [vscode.Uri, vscode.Uri] {
  const before = change.kind === "added" ? "" : change.before;
  const now = vscode.Uri.file(path.join(task.worktree, change.path));
  return [committed(task, before), change.kind === "deleted" ? committed(task, "") : now];
}

function committed(task: Subagent, file: string): vscode.Uri {
  const query = new URLSearchParams({ worktree: task.worktree, commit: task.baseCommit, path: file });
  return vscode.Uri.from({ scheme, path: `/${file || "nothing"}`, query: query.toString() });
}

async function showOne(task: Subagent, change: Change): Promise<void> {
  const [before, now] = sides(task, change);
  await vscode.commands.executeCommand("vscode.diff", before, now, `${change.path} (${task.taskId})`);
}

async function showAll(task: Subagent, changes: readonly Change[]): Promise<void> {
  const files = changes.map((change) => [
    vscode.Uri.file(path.join(task.worktree, change.path)),
    ...sides(task, change),
  ]);
  await vscode.commands.executeCommand("vscode.changes", `What ${task.taskId} has changed`, files);
}

import * as vscode from "vscode";
import path from "node:path";
import { outline, type Outline, type Span } from "../plan/outline";

/** Where plans may be, as the settings say. */
export function planSelector(): vscode.DocumentSelector {
  const patterns = vscode.workspace.getConfiguration("fanout").get<string[]>("plans", []);
  return patterns.map((pattern) => ({ scheme: "file", pattern }));
}

/** The document as a plan; undefined where it is none. */
export function planOf(document: vscode.TextDocument): Outline | undefined {
  if (vscode.languages.match(planSelector(), document) === 0) return undefined;
  const plan = outline(document.getText());
  return plan.tasksKey ? plan : undefined;
}

export function rangeOf(document: vscode.TextDocument, span: Span): vscode.Range {
  return new vscode.Range(document.positionAt(span.start), document.positionAt(span.end));
}

/** A path that a plan names: relative to the plan's folder. */
export function besidePlan(plan: vscode.Uri, file: string): vscode.Uri {
  return vscode.Uri.file(path.resolve(path.dirname(plan.fsPath), file));
}

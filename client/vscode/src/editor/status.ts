import * as vscode from "vscode";
import type { Run } from "@api/run";
import { summary } from "../model/tree";

/** One item in the status bar: what is at work, and whether someone waits for an answer. */
export class Status implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem(
    "fanout.status",
    vscode.StatusBarAlignment.Left,
    10,
  );

  constructor() {
    this.item.name = "Fanout";
    this.item.command = "fanout.runs.focus";
    this.show([], "");
    this.item.show();
  }

  show(runs: readonly Run[], trouble: string): void {
    const { text, waiting } = summary(runs);
    const icon = waiting > 0 ? "bell-dot" : trouble ? "debug-disconnect" : "type-hierarchy";
    this.item.text = `$(${icon}) ${text ? `Fanout: ${text}` : "Fanout"}`;
    this.item.tooltip = trouble || text || "Nothing is at work";
    this.item.backgroundColor =
      waiting > 0 ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
  }

  dispose(): void {
    this.item.dispose();
  }
}

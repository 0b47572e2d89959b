import * as vscode from "vscode";
import type { Run } from "@api/run";
import { isEnd } from "../model/phases";
import { tree, type Item } from "../model/tree";

const tick = 1000;

/** The runs as a tree, drawn anew when something changes, and each second while something is under way. */
export class RunsView implements vscode.TreeDataProvider<Item>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<Item>;
  private readonly clock: NodeJS.Timeout;
  private runs: readonly Run[] = [];

  constructor() {
    this.view = vscode.window.createTreeView("fanout.runs", { treeDataProvider: this });
    this.clock = setInterval(() => {
      if (this.view.visible && this.runs.some(isUnderWay)) this.changed.fire(undefined);
    }, tick);
  }

  show(runs: readonly Run[], trouble: string, waiting: number): void {
    this.runs = runs;
    this.view.message = trouble || undefined;
    this.view.badge =
      waiting > 0 ? { value: waiting, tooltip: `${waiting} waiting for an answer` } : undefined;
    this.changed.fire(undefined);
  }

  getChildren(item?: Item): Item[] {
    return [...(item ? item.children : tree(this.runs, new Date()))];
  }

  getTreeItem(item: Item): vscode.TreeItem {
    const state = item.children.length === 0 ? "None" : item.open ? "Expanded" : "Collapsed";
    const line = new vscode.TreeItem(item.label, vscode.TreeItemCollapsibleState[state]);
    line.id = item.id;
    line.description = item.description;
    line.tooltip = item.tooltip;
    line.contextValue = item.context;
    line.iconPath = new vscode.ThemeIcon(
      item.looks.icon,
      item.looks.colour ? new vscode.ThemeColor(item.looks.colour) : undefined,
    );
    line.accessibilityInformation = { label: `${item.label}, ${item.looks.word}, ${item.description}` };
    return line;
  }

  dispose(): void {
    clearInterval(this.clock);
    this.view.dispose();
    this.changed.dispose();
  }
}

const isUnderWay = (run: Run): boolean => run.subagents.some((task) => !isEnd(task.phase));

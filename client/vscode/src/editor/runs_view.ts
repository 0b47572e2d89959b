import * as vscode from "vscode";
import type { Run } from "@api/run";
import { isEnd } from "../model/phases";
import { changedItems, indexOf, tree, type Item, type Place } from "../model/tree";

const tick = 1000;

/**
 * The runs as a tree, drawn anew where something changes, and each second where something is under way. The editor
 * forgets a row's children while it draws the row, and an act on them goes astray then: no row is drawn without need.
 */
export class RunsView implements vscode.TreeDataProvider<Place>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<Place[] | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<Place>;
  private readonly clock: NodeJS.Timeout;
  private runs: readonly Run[] = [];
  private items: ReadonlyMap<string, Item> = new Map();
  private top: readonly Item[] = [];
  /** What the editor knows the rows by: for each id one object, the same for as long as the row is there. */
  private places = new Map<string, Place>();

  constructor() {
    this.view = vscode.window.createTreeView("fanout.runs", { treeDataProvider: this });
    this.clock = setInterval(() => {
      if (this.view.visible && this.runs.some(isUnderWay)) this.draw();
    }, tick);
  }

  show(runs: readonly Run[], trouble: string, waiting: number): void {
    this.runs = runs;
    this.view.message = trouble || undefined;
    this.view.badge =
      waiting > 0 ? { value: waiting, tooltip: `${waiting} waiting for an answer` } : undefined;
    this.draw();
  }

  getChildren(place?: Place): Place[] {
    const items = place ? (this.items.get(place.id)?.children ?? []) : this.top;
    return items.map((item) => this.placeOf(item));
  }

  getTreeItem({ id }: Place): vscode.TreeItem {
    const item = this.items.get(id);
    if (!item) return new vscode.TreeItem(id);
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

  private draw(): void {
    const before = this.top;
    this.top = tree(this.runs, new Date());
    this.items = indexOf(this.top);
    for (const id of [...this.places.keys()].filter((id) => !this.items.has(id))) this.places.delete(id);
    const changed = changedItems(before, this.top);
    if (changed === "all") this.changed.fire(undefined);
    else if (changed.length > 0) this.changed.fire(changed.map((item) => this.placeOf(item)));
  }

  private placeOf({ id, runId, taskId }: Item): Place {
    const place = this.places.get(id) ?? { id, runId, taskId };
    this.places.set(id, place);
    return place;
  }

  dispose(): void {
    clearInterval(this.clock);
    this.view.dispose();
    this.changed.dispose();
  }
}

const isUnderWay = (run: Run): boolean => run.subagents.some((task) => !isEnd(task.phase));

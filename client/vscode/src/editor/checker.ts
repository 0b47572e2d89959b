import * as vscode from "vscode";
import type { Diagnostic } from "@api/plan";
import { PlanServiceService, ValidatePlanRequest } from "@api/service";
import type { Daemon } from "../daemon/daemon";
import { messageOf } from "../daemon/failure";
import { byFile, placeOf, severityOf } from "../plan/diagnostics";
import { planOf } from "./plan_files";
import type { Session } from "./session";

const quiet = 300;

/** Has the daemon check plans when they are opened and saved, and shows what it says in the Problems pane. */
export class Checker implements vscode.Disposable {
  private readonly collection = vscode.languages.createDiagnosticCollection("fanout");
  private readonly waiting = new Map<string, NodeJS.Timeout>();
  /** By plan: which check of it is the newest, and the files that it spoke of. */
  private readonly newest = new Map<string, number>();
  private readonly told = new Map<string, vscode.Uri[]>();
  private readonly listeners: vscode.Disposable;
  /** Why the last check could not be made; empty: it was. */
  private trouble = "";

  constructor(
    private readonly session: Session,
    private readonly log: vscode.LogOutputChannel,
  ) {
    const { workspace } = vscode;
    this.listeners = vscode.Disposable.from(
      workspace.onDidOpenTextDocument((document) => {
        this.touch(document);
      }),
      workspace.onDidSaveTextDocument((document) => {
        this.touch(document);
      }),
      workspace.onDidCloseTextDocument((document) => {
        this.forget(document.uri);
      }),
    );
    for (const document of workspace.textDocuments) this.touch(document);
  }

  /** What the daemon said of a plan when it was to be executed. */
  show(plan: vscode.Uri, diagnostics: readonly Diagnostic[]): Promise<void> {
    this.newest.set(plan.toString(), this.nextNumber(plan));
    return this.tell(plan, diagnostics);
  }

  /** A plan, or a file that may be a task of one that is open. */
  private touch(document: vscode.TextDocument): void {
    if (document.uri.scheme !== "file") return;
    if (planOf(document)) this.schedule(document);
    else if (document.languageId === "markdown")
      openPlans().forEach((plan) => {
        this.schedule(plan);
      });
  }

  private schedule(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    clearTimeout(this.waiting.get(key));
    const check = () => {
      this.waiting.delete(key);
      void this.check(document);
    };
    this.waiting.set(key, setTimeout(check, quiet));
  }

  private async check(document: vscode.TextDocument): Promise<void> {
    const number = this.nextNumber(document.uri);
    this.newest.set(document.uri.toString(), number);
    try {
      const found = await checkPlan(await this.session.ready(), document.uri.fsPath);
      this.trouble = "";
      // An older check that was slower must not hide what a newer one found.
      if (this.newest.get(document.uri.toString()) === number) await this.tell(document.uri, found);
    } catch (error) {
      this.tellTrouble(messageOf(error));
    }
  }

  /** Once for the same trouble in a row, or it would be told with each check. */
  private tellTrouble(trouble: string): void {
    if (trouble === this.trouble) return;
    this.trouble = trouble;
    this.log.warn(trouble);
    void vscode.window.showWarningMessage(`Fanout cannot check this plan: ${trouble}`);
  }

  private nextNumber(plan: vscode.Uri): number {
    return (this.newest.get(plan.toString()) ?? 0) + 1;
  }

  private async tell(plan: vscode.Uri, diagnostics: readonly Diagnostic[]): Promise<void> {
    const now: [vscode.Uri, vscode.Diagnostic[]][] = [];
    for (const [file, found] of byFile(plan.fsPath, diagnostics)) {
      const uri = vscode.Uri.file(file);
      const lines = await linesOf(uri);
      now.push([uri, found.map((one) => toEditor(one, lines))]);
    }
    for (const uri of this.told.get(plan.toString()) ?? []) this.collection.delete(uri);
    this.told.set(
      plan.toString(),
      now.map(([uri]) => uri),
    );
    for (const [uri, found] of now) this.collection.set(uri, found);
  }

  private forget(plan: vscode.Uri): void {
    const key = plan.toString();
    clearTimeout(this.waiting.get(key));
    this.waiting.delete(key);
    if (this.newest.has(key)) this.newest.set(key, this.nextNumber(plan));
    for (const uri of this.told.get(key) ?? []) this.collection.delete(uri);
    this.told.delete(key);
  }

  dispose(): void {
    this.listeners.dispose();
    for (const timer of this.waiting.values()) clearTimeout(timer);
    this.collection.dispose();
  }
}

/** As it is saved. */
async function checkPlan(daemon: Daemon, planPath: string): Promise<readonly Diagnostic[]> {
  const request = ValidatePlanRequest.fromPartial({ planPath });
  return (await daemon.call(PlanServiceService.validatePlan, request)).diagnostics;
}

const openPlans = (): vscode.TextDocument[] => vscode.workspace.textDocuments.filter((one) => planOf(one));

async function linesOf(uri: vscode.Uri): Promise<string[]> {
  try {
    const document = await vscode.workspace.openTextDocument(uri);
    return document.getText().split(/\r?\n/);
  } catch {
    // It need not be there: that may be the fault.
    return [];
  }
}

const { Error: error, Warning: warning, Information: information } = vscode.DiagnosticSeverity;
const severities = { error, warning, information };

function toEditor(found: Diagnostic, lines: readonly string[]): vscode.Diagnostic {
  const { line, start, end } = placeOf(found, lines);
  const diagnostic = new vscode.Diagnostic(
    new vscode.Range(line, start, line, end),
    found.message,
    severities[severityOf(found)],
  );
  diagnostic.source = "fanout";
  if (found.field) diagnostic.code = found.field;
  return diagnostic;
}

import * as vscode from "vscode";
import type { Diagnostic } from "@api/plan";
import { PlanServiceService, ValidatePlanRequest } from "@api/service";
import type { Daemon } from "../daemon/daemon";
import { messageOf } from "../daemon/failure";
import { byFile, placeOf, severityOf } from "../plan/diagnostics";
import { mattersToPlans, overlaysOf } from "../plan/overlays";
import { planOf } from "./plan_files";
import type { Session } from "./session";

const quiet = 300;

/** Has the daemon check plans as they are opened, typed and saved, and shows what it says in the Problems pane. */
export class Checker implements vscode.Disposable {
  private readonly collection = vscode.languages.createDiagnosticCollection("fanout");
  private readonly waiting = new Map<string, NodeJS.Timeout>();
  private checks = 0;
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
      workspace.onDidChangeTextDocument(({ document }) => {
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
    this.newest.set(plan.toString(), ++this.checks);
    return this.tell(plan, diagnostics);
  }

  /** A plan, or a file that what is said of an open one may depend on. */
  private touch(document: vscode.TextDocument): void {
    const { uri, languageId } = document;
    if (uri.scheme !== "file") return;
    // What was a plan a moment ago is checked on, whatever is being made of it.
    if (this.newest.has(uri.toString()) || planOf(document)) this.schedule(document);
    else if (mattersToPlans(uri.fsPath, languageId))
      openPlans().forEach((plan) => {
        this.schedule(plan);
      });
  }

  /** From now on what an older check finds is of a text that is no more. */
  private schedule(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    const number = ++this.checks;
    this.newest.set(key, number);
    clearTimeout(this.waiting.get(key));
    const check = () => {
      this.waiting.delete(key);
      void this.check(document.uri, number);
    };
    this.waiting.set(key, setTimeout(check, quiet));
  }

  private async check(plan: vscode.Uri, number: number): Promise<void> {
    try {
      const found = await checkPlan(await this.session.ready(), plan.fsPath);
      this.trouble = "";
      if (this.newest.get(plan.toString()) === number) await this.tell(plan, found);
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
    this.newest.delete(key);
    for (const uri of this.told.get(key) ?? []) this.collection.delete(uri);
    this.told.delete(key);
  }

  dispose(): void {
    this.listeners.dispose();
    for (const timer of this.waiting.values()) clearTimeout(timer);
    this.collection.dispose();
  }
}

/** As it would be if all that is open were saved now. */
async function checkPlan(daemon: Daemon, planPath: string): Promise<readonly Diagnostic[]> {
  const unsaved = vscode.workspace.textDocuments.filter((one) => one.isDirty && one.uri.scheme === "file");
  const texts = unsaved.map((one) => ({
    path: one.uri.fsPath,
    languageId: one.languageId,
    content: one.getText(),
  }));
  const request = ValidatePlanRequest.fromPartial({ planPath, overlays: overlaysOf(planPath, texts) });
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

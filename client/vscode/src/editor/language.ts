import * as vscode from "vscode";
import type { Run, Subagent } from "@api/run";
import { dependencyChoices, isDependencyPlace } from "../plan/completion";
import { taskHover } from "../plan/hover";
import { taskAt, taskNamedAt, within } from "../plan/outline";
import { besidePlan, planOf, planSelector, rangeOf } from "./plan_files";

type Runs = () => readonly Run[];

/** What an editor does with plans besides showing their faults. */
export function languageFeatures(runs: Runs): vscode.Disposable {
  const selector = planSelector();
  const { languages } = vscode;
  return vscode.Disposable.from(
    languages.registerHoverProvider(selector, {
      provideHover: (document, position) => hover(document, position, runs()),
    }),
    languages.registerDefinitionProvider(selector, { provideDefinition: definition }),
    languages.registerDocumentLinkProvider(selector, { provideDocumentLinks: links }),
    languages.registerCompletionItemProvider(
      selector,
      { provideCompletionItems: completions },
      "[",
      " ",
      ",",
      "-",
    ),
    languages.registerCodeLensProvider(selector, { provideCodeLenses: lenses }),
  );
}

function hover(
  document: vscode.TextDocument,
  position: vscode.Position,
  runs: readonly Run[],
): vscode.Hover | undefined {
  const plan = planOf(document);
  if (!plan) return undefined;
  const named = taskNamedAt(plan, document.offsetAt(position));
  if (!named?.task) return undefined;
  const lines = taskHover(plan, named.task, stateIn(runs, document.uri, named.task.id.text));
  // As plain text: a plan's words are no Markdown of ours.
  const texts = lines.map((line) => new vscode.MarkdownString().appendText(line));
  return new vscode.Hover(texts, rangeOf(document, named.word));
}

/** How the task stands in the newest run of this plan. */
function stateIn(runs: readonly Run[], plan: vscode.Uri, taskId: string): Subagent | undefined {
  const newest = runs.find((run) => run.planPath === plan.fsPath);
  return newest?.subagents.find((task) => task.taskId === taskId);
}

function definition(document: vscode.TextDocument, position: vscode.Position): vscode.Location | undefined {
  const plan = planOf(document);
  if (!plan) return undefined;
  const offset = document.offsetAt(position);
  const file = taskAt(plan, offset)?.file;
  if (file && within(file, offset)) {
    return new vscode.Location(besidePlan(document.uri, file.text), new vscode.Position(0, 0));
  }
  const task = taskNamedAt(plan, offset)?.task;
  return task && new vscode.Location(document.uri, rangeOf(document, task.id));
}

function links(document: vscode.TextDocument): vscode.DocumentLink[] {
  const files = planOf(document)?.tasks.flatMap((task) => task.file ?? []) ?? [];
  return files.map(
    (file) => new vscode.DocumentLink(rangeOf(document, file), besidePlan(document.uri, file.text)),
  );
}

function completions(document: vscode.TextDocument, position: vscode.Position): vscode.CompletionItem[] {
  const plan = planOf(document);
  const offset = document.offsetAt(position);
  if (!plan || !isDependencyPlace(document.getText(), offset)) return [];
  return dependencyChoices(plan, offset).map((task) => {
    const item = new vscode.CompletionItem(task.id.text, vscode.CompletionItemKind.Reference);
    if (task.name) item.detail = task.name;
    return item;
  });
}

function lenses(document: vscode.TextDocument): vscode.CodeLens[] {
  const key = planOf(document)?.tasksKey;
  if (!key) return [];
  const range = rangeOf(document, key);
  const lens = (title: string, command: string) =>
    new vscode.CodeLens(range, { title, command, arguments: [document.uri] });
  return [lens("$(play) Execute", "fanout.execute"), lens("$(flame) Warm the pool", "fanout.warm")];
}

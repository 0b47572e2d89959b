import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type Pair, type YAMLMap } from "yaml";

/** Offsets in the text: from `start`, up to and without `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Word extends Span {
  readonly text: string;
}

/** A task as the text has it, whatever else is wrong with the plan. */
export interface Task {
  readonly id: Word;
  readonly name: string;
  readonly priority: string;
  readonly file?: Word;
  readonly dependencies: readonly Word[];
  readonly span: Span;
}

export interface Outline {
  /** Where the word `tasks` stands; unset: this is no plan. */
  readonly tasksKey?: Span;
  readonly tasks: readonly Task[];
}

/** What can be told of a plan's text, however broken. Never throws. */
export function outline(text: string): Outline {
  const document = parseDocument(text, { lineCounter: new LineCounter(), logLevel: "silent" });
  const pair = isMap(document.contents) ? pairOf(document.contents, "tasks") : undefined;
  if (!pair || !isScalar(pair.key)) return { tasks: [] };
  const entries = isSeq(pair.value) ? pair.value.items : [];
  return {
    tasksKey: spanOf(pair.key),
    tasks: entries.flatMap((entry) => (isMap(entry) ? taskOf(entry) : [])),
  };
}

function taskOf(entry: YAMLMap): Task[] {
  const id = wordOf(valueOf(entry, "id"));
  if (!id) return [];
  const file = wordOf(valueOf(entry, "file"));
  const list = valueOf(entry, "dependencies");
  const dependencies = isSeq(list) ? list.items.flatMap((item) => wordOf(item) ?? []) : [];
  return [
    {
      id,
      name: wordOf(valueOf(entry, "name"))?.text ?? "",
      priority: wordOf(valueOf(entry, "priority"))?.text ?? "",
      ...(file && { file }),
      dependencies,
      span: spanOf(entry),
    },
  ];
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

const valueOf = (map: YAMLMap, key: string): unknown => pairOf(map, key)?.value;

function wordOf(node: unknown): Word | undefined {
  if (!isScalar(node) || !["string", "number"].includes(typeof node.value)) return undefined;
  return { text: String(node.value), ...spanOf(node) };
}

function spanOf(node: Node): Span {
  const [start, end] = node.range ?? [0, 0];
  return { start, end };
}

export const within = (span: Span, offset: number): boolean => span.start <= offset && offset <= span.end;

/** The task that the offset lies in. */
export const taskAt = (plan: Outline, offset: number): Task | undefined =>
  plan.tasks.find((task) => within(task.span, offset));

/** The task whose id stands at the offset: as its own, or among another's dependencies. */
export function taskNamedAt(plan: Outline, offset: number): { task?: Task; word: Word } | undefined {
  const words = plan.tasks.flatMap((task) => [task.id, ...task.dependencies]);
  const word = words.find((one) => within(one, offset));
  if (!word) return undefined;
  const task = plan.tasks.find((one) => one.id.text === word.text);
  return task ? { task, word } : { word };
}

import assert from "node:assert/strict";
import { Diagnostic, Diagnostic_Severity } from "@api/plan";
import { Phase, Subagent } from "@api/run";
import { dependencyChoices, isDependencyPlace } from "../src/plan/completion";
import { byFile, placeOf, severityOf } from "../src/plan/diagnostics";
import { taskHover } from "../src/plan/hover";
import { overlaysOf } from "../src/plan/overlays";
import { outline, taskNamedAt } from "../src/plan/outline";

const text = `metadata: {name: Demo}
tasks:
  - id: a
    name: "First"
    file: tasks/a.md
    priority: high
    dependencies: []
  - id: b
    dependencies: [a]
  - id: "c"
    dependencies:
      - a
      - b
`;
const plan = outline(text);
const idsOf = (tasks: { id: { text: string } }[]) => tasks.map((task) => task.id.text);

/** The text without its mark, and where the mark stood. */
function marked(given: string): [string, number] {
  return [given.replace("|", ""), given.indexOf("|")];
}

describe("a plan's outline", () => {
  it("finds tasks, files and dependencies with their places", () => {
    assert.deepEqual(idsOf([...plan.tasks]), ["a", "b", "c"]);
    const [first, second] = plan.tasks;
    assert.equal(text.slice(first?.file?.start, first?.file?.end), "tasks/a.md");
    const word = second?.dependencies[0];
    assert.equal(text.slice(word?.start, word?.end), "a");
    assert.equal(text.slice(plan.tasksKey?.start, plan.tasksKey?.end), "tasks");
  });

  it("leads from a dependency to its task", () => {
    const offset = text.lastIndexOf("- b") + 2;
    assert.equal(taskNamedAt(plan, offset)?.task?.id.text, "b");
    assert.equal(taskNamedAt(plan, text.indexOf("First")), undefined);
  });

  it("makes do with text that is broken, or no plan at all", () => {
    assert.equal(outline("a: 1\n").tasksKey, undefined);
    assert.equal(outline("- just\n- a list\n").tasksKey, undefined);
    assert.deepEqual(outline("").tasks, []);
    assert.deepEqual(idsOf([...outline("tasks:\n  - id: a\n    dependencies: [\n").tasks]), ["a"]);
    assert.deepEqual(outline("tasks: {not: a list}\n").tasks, []);
    for (let end = 0; end <= text.length; ++end) outline(text.slice(0, end));
  });
});

describe("completion", () => {
  const places: [string, boolean][] = [
    ["tasks:\n  - id: a\n    dependencies: [|", true],
    ["tasks:\n  - id: a\n    dependencies: [x, |]", true],
    ["tasks:\n  - id: a\n    dependencies: [x]|", false],
    ["tasks:\n  - id: a\n    dependencies:\n      - |", true],
    ["tasks:\n  - id: a\n    dependencies:\n      - x\n\n      - y|", true],
    ["tasks:\n  - id: a\n    dependencies: []\n  - |", false],
    ["tasks:\n  - id: a|", false],
    ["tasks:\n  - id: a\n    dependencies:\n      - x\n    gates:\n      - |", false],
  ];
  for (const [given, expected] of places) {
    it(`${expected ? "offers ids" : "is silent"} in ${JSON.stringify(given)}`, () => {
      assert.equal(isDependencyPlace(...marked(given)), expected);
    });
  }

  it("offers no task that would close a circle, nor one that is there already", () => {
    assert.deepEqual(idsOf(dependencyChoices(plan, text.indexOf("id: a"))), []);
    assert.deepEqual(idsOf(dependencyChoices(plan, text.indexOf("id: b"))), []);
    const wider = text + "  - id: d\n    dependencies: []\n";
    assert.deepEqual(idsOf(dependencyChoices(outline(wider), wider.indexOf("id: d"))), ["a", "b", "c"]);
  });
});

describe("hovers", () => {
  it("tell what a task is, what stands around it, and how it goes", () => {
    const [, second] = plan.tasks;
    assert.ok(second);
    const state = Subagent.fromPartial({
      phase: Phase.PHASE_FAILED,
      reason: "it gave up",
      branch: "feature/b",
    });
    assert.deepEqual(taskHover(plan, second, state), [
      "b",
      "after a",
      "before c",
      "failed: it gave up",
      "branch feature/b",
    ]);
  });
});

describe("diagnostics", () => {
  const said = (rest: Partial<Diagnostic>) => Diagnostic.fromPartial(rest);

  it("stand at the word, counted in bytes by the daemon and in UTF-16 units by editors", () => {
    const line = "    dependencies: [ä🙂, missing]";
    const column = Buffer.byteLength(line.slice(0, line.indexOf("missing"))) + 1;
    const place = placeOf(said({ line: 2, column }), ["tasks:", line]);
    assert.equal(line.slice(place.start, place.end), "missing");
    assert.equal(place.line, 1);
  });

  it("stand on the line without a column, on the first line without a place, on the last when it is shorter", () => {
    assert.deepEqual(placeOf(said({ line: 1 }), ["  a: b  "]), { line: 0, start: 2, end: 6 });
    assert.deepEqual(placeOf(said({}), ["abc"]), { line: 0, start: 0, end: 3 });
    assert.equal(placeOf(said({ line: 9, column: 9 }), ["a", "b"]).line, 1);
    assert.deepEqual(placeOf(said({ line: 3 }), []), { line: 0, start: 0, end: 0 });
  });

  it("belong to the plan when they name no file", () => {
    const files = byFile("/p", [said({ file: "/t.md", message: "1" }), said({ message: "2" })]);
    assert.deepEqual([...files.keys()], ["/t.md", "/p"]);
  });

  it("are as grave as the daemon says", () => {
    const { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE } = Diagnostic_Severity;
    const given = [SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE].map((severity) =>
      severityOf(said({ severity })),
    );
    assert.deepEqual(given, ["error", "warning", "information"]);
  });
});

describe("texts that are not saved", () => {
  const held = (path: string, languageId: string, content = path) => ({ path, languageId, content });
  const pathsOf = (texts: { path: string }[]) => texts.map(({ path }) => path);

  it("stand for their files where they matter to the plan, its own first", () => {
    const all = [
      held("/p/tasks/a.md", "markdown"),
      held("/p/main.ts", "typescript"),
      held("/p/.fanout.yaml", "yaml"),
      held("/p/other.yaml", "yaml"),
      held("/p/plan.yaml", "yaml", "tasks: []"),
    ];
    assert.deepEqual(pathsOf(overlaysOf("/p/plan.yaml", all)), [
      "/p/plan.yaml",
      "/p/tasks/a.md",
      "/p/.fanout.yaml",
    ]);
    assert.equal(overlaysOf("/p/plan.yaml", all)[0]?.content, "tasks: []");
  });

  it("are left out where they are more than the daemon takes", () => {
    const large = held("/p/large.md", "markdown", "ä".repeat(2 << 20));
    const small = held("/p/small.md", "markdown");
    assert.deepEqual(pathsOf(overlaysOf("/p/plan.yaml", [large, small])), ["/p/small.md"]);
    const many = Array.from({ length: 300 }, (_, i) => held(`/p/${i}.md`, "markdown"));
    assert.equal(overlaysOf("/p/plan.yaml", many).length, 200);
  });
});

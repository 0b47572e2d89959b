import assert from "node:assert/strict";
import { Attention } from "@api/agent";
import { inWords, newlyWaiting, questionOf, replies } from "../src/model/attention";
import { permission } from "./build";

function question(...items: { key: string; options: string[] }[]): Attention {
  const value = {
    id: "q",
    text: "Which way?",
    items: items.map(({ key, options }) => ({
      key,
      text: key,
      options: options.map((label) => ({ label })),
    })),
  };
  return Attention.fromPartial({ runId: "r", taskId: "a", id: "q", request: { $case: "question", value } });
}

describe("what waits for an answer", () => {
  it("is told once, however often it is listed", () => {
    const [one, two] = [permission("1"), permission("2")];
    assert.deepEqual(newlyWaiting([], [one]), [one]);
    assert.deepEqual(newlyWaiting([one], [one, two]), [two]);
    assert.deepEqual(newlyWaiting([one, two], [two]), []);
  });

  it("is asked in one line", () => {
    assert.equal(questionOf(permission("1")), "may it: rm -rf build?");
    assert.equal(questionOf(question()), "Which way?");
  });

  it("is answered with yes or no, or with an option of its own", () => {
    const plain = replies(permission("1"));
    assert.deepEqual(
      plain.map(({ label, answer }) => [label, answer.answer?.value]),
      [
        ["Allow", true],
        ["Deny", false],
      ],
    );
    const [once] = replies(permission("1", ["Once", "Never"]));
    assert.deepEqual([once?.label, once?.answer.answer], ["Once", { $case: "option", value: "once" }]);
    assert.equal(once?.answer.id, "1");
  });

  it("is answered by the key of its item; several items are not answered by one click", () => {
    const [left] = replies(question({ key: "way", options: ["left", "right"] }));
    assert.deepEqual(left?.answer.fields, { way: { values: ["left"] } });
    assert.deepEqual(replies(question({ key: "x", options: ["1"] }, { key: "y", options: ["2"] })), []);
    assert.deepEqual(inWords(question(), "straight on").answer, { $case: "text", value: "straight on" });
  });
});

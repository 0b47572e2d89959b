// What a task has changed, and bringing the tasks of a run together.
#include <algorithm>

#include "client/mcp/run_json.hpp"
#include "client/mcp/tool.hpp"
#include "client/merging_calls.hpp"
#include "common/text.hpp"

namespace fanout::mcp {

namespace v1 = fanout::v1;
using client::MergingCalls;

namespace {

constexpr std::uint64_t kPatchBytes = 64 << 10;

constexpr const char* kDiffInput = R"({"type": "object", "additionalProperties": false, "properties": {
  "run": {"type": "string", "description": "run id, the beginning of one, or last, the default"},
  "task": {"type": "string", "minLength": 1},
  "committed_only": {"type": "boolean", "description": "leave out what is in the worktree and not committed"},
  "files_only": {"type": "boolean", "description": "leave out the patch"},
  "offset": {"type": "integer", "minimum": 0, "description": "in bytes of the patch; default 0"},
  "limit": {"type": "integer", "minimum": 1, "maximum": 262144, "description": "in bytes of the patch; default 65536"}
}, "required": ["task"]})";

constexpr const char* kDiffOutput = R"({"type": "object", "properties": {
  "run_id": {"type": "string"}, "task": {"type": "string"}, "branch": {"type": "string"},
  "base_commit": {"type": "string"}, "head_commit": {"type": "string"},
  "uncommitted": {"type": "boolean", "description": "some of it is not committed yet"},
  "files": {"type": "array", "description": "at most 1000, see file_count", "items": {"type": "object", "properties": {
    "path": {"type": "string"}, "change": {"type": "string", "enum": ["added", "modified", "deleted", "renamed", "unspecified"]},
    "added": {"type": "integer", "description": "lines; missing for a binary file"}, "deleted": {"type": "integer"}},
    "required": ["path", "change"]}},
  "file_count": {"type": "integer"},
  "patch": {"type": "string", "description": "as git diff prints it, from offset on"},
  "next_offset": {"type": "integer"},
  "more": {"type": "boolean", "description": "the patch goes on behind next_offset"}
}, "required": ["run_id", "task", "branch", "base_commit", "head_commit", "files", "file_count", "patch", "next_offset", "more"]})";

constexpr const char* kMergeInput = R"({"type": "object", "additionalProperties": false, "properties": {
  "run": {"type": "string", "minLength": 1, "description": "run id, the beginning of one, or last"},
  "tasks": {"type": "array", "items": {"type": "string", "minLength": 1}, "description": "default: every completed one that is not merged yet"},
  "into": {"type": "string", "description": "a local branch; default: the one that the run started from"},
  "method": {"type": "string", "enum": ["merge", "squash", "rebase"], "description": "default: merge"},
  "dry_run": {"type": "boolean", "description": "only tell order and conflicts: no gate runs, no branch moves"}
}, "required": ["run"]})";

constexpr const char* kMergeOutput = R"({"type": "object", "properties": {
  "run_id": {"type": "string"}, "into": {"type": "string"}, "dry_run": {"type": "boolean"},
  "commit": {"type": "string", "description": "where the branch is now"},
  "merged_before": {"type": "array", "items": {"type": "string"}},
  "landed": {"type": "array", "items": {"type": "string"}, "description": "tasks that the branch holds now; with dry_run: that would merge"},
  "left_out": {"type": "array", "items": {"type": "object", "properties": {
    "task": {"type": "string"}, "cause": {"type": "string", "enum": ["conflict", "gate", "dependency", "setup", "unspecified"]}, "reason": {"type": "string"},
    "conflicts_with": {"type": "string", "description": "a task or a branch"},
    "files": {"type": "array", "items": {"type": "string"}, "description": "that do not merge"},
    "output_tail": {"type": "string", "description": "the last that the gate or the setup printed"}},
    "required": ["task", "cause", "reason"]}}
}, "required": ["run_id", "into", "dry_run", "commit", "merged_before", "landed", "left_out"]})";

/// A part of a patch is all that is wanted.
struct PatchIsLongEnough {};

struct PartOfDiff {
  v1::DiffTaskResponse::Header header;
  std::string patch;
  bool more = false;
};

PartOfDiff read_diff(const Access& access, const v1::DiffTaskRequest& request, std::uint64_t offset, std::size_t limit, Call& call) {
  PartOfDiff part;
  std::uint64_t passed = 0;
  const auto take = [&](const v1::DiffTaskResponse& piece) {
    if (piece.has_header()) part.header = piece.header();
    const auto& bytes = piece.patch();
    const auto skipped = std::min<std::uint64_t>(offset - std::min(offset, passed), bytes.size());
    passed += bytes.size();
    part.patch.append(bytes, skipped);
    if (part.patch.size() > limit) throw PatchIsLongEnough();
  };
  try {
    MergingCalls(access.socket()).diff(request, take, call.stop_descriptor());
  } catch (const PatchIsLongEnough&) {
    part.more = true;
  }
  auto kept = head(part.patch, limit);
  if (kept.empty()) kept = part.patch.substr(0, limit);  // bytes that are no text at all
  part.patch = std::move(kept);
  return part;
}

json::array files_json(const v1::DiffTaskResponse::Header& header) {
  json::array files;
  for (const auto& file : header.files()) {
    json::object object{{"path", file.path()}, {"change", word_of(v1::FileChange::Kind_Name(file.kind()), "KIND_")}};
    if (file.has_added()) object["added"] = file.added();
    if (file.has_deleted()) object["deleted"] = file.deleted();
    files.push_back(std::move(object));
  }
  return files;
}

Answer diff(const json::object& arguments, Call& call, const Bounds& bounds) {
  Access access(bounds);
  v1::DiffTaskRequest request;
  request.set_run_id(access.run(text_of(arguments, "run")).id());
  request.set_task_id(text_of(arguments, "task"));
  request.set_committed_only(flag_of(arguments, "committed_only"));
  request.set_files_only(flag_of(arguments, "files_only"));
  const auto offset = number_of(arguments, "offset", 0);
  const auto part = read_diff(access, request, offset, number_of(arguments, "limit", kPatchBytes), call);
  const auto& header = part.header;
  return {request.task_id() + " of " + request.run_id() + " has changed " + counted(header.file_count(), "file"),
          {{"run_id", request.run_id()},
           {"task", request.task_id()},
           {"branch", valid_utf8(header.branch())},
           {"base_commit", header.base_commit()},
           {"head_commit", header.head_commit()},
           {"uncommitted", header.uncommitted()},
           {"files", files_json(header)},
           {"file_count", header.file_count()},
           {"patch", valid_utf8(part.patch)},
           {"next_offset", offset + part.patch.size()},
           {"more", part.more}},
          false};
}

v1::MergeMethod method_of(const std::string& word) {
  if (word == "squash") return v1::MERGE_METHOD_SQUASH;
  return word == "rebase" ? v1::MERGE_METHOD_REBASE : v1::MERGE_METHOD_MERGE;
}

v1::MergeRequest merge_request(const json::object& arguments, Access& access) {
  v1::MergeRequest request;
  request.set_run_id(access.run(text_of(arguments, "run")).id());
  if (const auto* tasks = arguments.if_contains("tasks")) {
    for (const auto& task : tasks->get_array()) request.add_task_ids(json::value_to<std::string>(task));
  }
  request.set_into(text_of(arguments, "into"));
  request.set_method(method_of(text_of(arguments, "method")));
  request.set_dry_run(flag_of(arguments, "dry_run"));
  return request;
}

json::object left_out_json(const v1::MergeLeftOut& left) {
  json::object object{{"task", left.task_id()},
                      {"cause", word_of(v1::MergeLeftOut::Cause_Name(left.cause()), "CAUSE_")},
                      {"reason", valid_utf8(left.reason())}};
  if (!left.conflicts_with().empty()) object["conflicts_with"] = valid_utf8(left.conflicts_with());
  if (left.conflicts_size() > 0) {
    json::array files;
    for (const auto& conflict : left.conflicts()) files.push_back(json::string(valid_utf8(conflict.path())));
    object["files"] = std::move(files);
  }
  if (left.has_gate()) object["output_tail"] = valid_utf8(left.gate().output_tail());
  return object;
}

json::array ids_json(const google::protobuf::RepeatedPtrField<std::string>& ids) {
  json::array array;
  for (const auto& id : ids) array.push_back(json::string(id));
  return array;
}

std::string list_of_ids(const google::protobuf::RepeatedPtrField<std::string>& ids) {
  return join(std::vector<std::string>(ids.begin(), ids.end()), ", ");
}

/// What happened, in a few words. Empty: nothing that one waits to hear.
std::string words_for(const v1::MergeResponse& step) {
  if (step.has_planned()) return "merging into " + step.planned().into();
  if (step.has_tried()) return "trying " + list_of_ids(step.tried().task_ids());
  if (step.has_command() && step.command().has_result()) {
    const auto& command = step.command();
    return command.role() + " " + command.name() + (command.result().passed() ? " passed" : " failed");
  }
  if (step.has_waiting()) return step.waiting().text();
  if (step.has_landed()) return list_of_ids(step.landed().task_ids()) + " landed";
  return step.has_left_out() ? step.left_out().task_id() + " is left out" : "";
}

/// A merge train as it goes, and what came of it.
class Train {
 public:
  explicit Train(Call& call) : call_(call) {}

  void take(const v1::MergeResponse& step) {
    if (step.has_planned()) planned_ = step.planned();
    if (step.has_landed()) settled_ += step.landed().task_ids_size();
    if (step.has_left_out()) ++settled_;
    if (step.has_left_out()) left_out_.push_back(left_out_json(step.left_out()));
    if (step.has_ended()) ended_ = step.ended();
    ++steps_;
    if (const auto words = words_for(step); !words.empty()) call_.progress(done(), planned_.task_ids_size(), valid_utf8(words));
  }

  Answer answer(bool dry_run) {
    const auto text = std::to_string(ended_.landed_size()) + (dry_run ? " would merge into " : " landed in ") + planned_.into() +
                      ", " + std::to_string(ended_.left_out_size()) + " left out";
    return {valid_utf8(text),
            {{"run_id", planned_.run_id()},
             {"into", valid_utf8(planned_.into())},
             {"dry_run", dry_run},
             {"commit", ended_.commit()},
             {"merged_before", ids_json(planned_.merged_before())},
             {"landed", ids_json(ended_.landed())},
             {"left_out", std::move(left_out_)}},
            false};
  }

 private:
  /// In tasks. Each step between two that are settled is a smaller part of one, so that it always goes up.
  double done() const { return settled_ + (settled_ < planned_.task_ids_size() ? 1.0 - 1.0 / (1 + steps_) : 0); }

  Call& call_;
  v1::MergePlanned planned_;
  v1::MergeEnded ended_;
  json::array left_out_;
  int settled_ = 0;
  int steps_ = 0;
};

Answer merge(const json::object& arguments, Call& call, const Bounds& bounds) {
  Access access(bounds);
  if (bounds.enclosing) {
    throw Error(ErrorKind::precondition,
                "an agent of Fanout's may move no branch but its own: merge what its run made with git, in its worktree");
  }
  const auto request = merge_request(arguments, access);
  Train train(call);
  MergingCalls(access.socket()).merge(request, [&](const v1::MergeResponse& step) { train.take(step); }, call.stop_descriptor());
  return train.answer(request.dry_run());
}

}  // namespace

void add_merging_tools(std::vector<Tool>& tools, const Bounds& bounds) {
  tools.push_back(reading_tool(
      {"task_diff", "Show what a task has changed",
       "The files that a task has changed, and the patch, from the commit that its branch starts from; also while its agent works.",
       schema(kDiffInput), schema(kDiffOutput)},
      [&bounds](const json::object& arguments, Call& call) { return diff(arguments, call, bounds); }));
  tools.push_back(acting_tool(
      {"run_merge", "Merge a run",
       "Brings the branches of completed tasks into one branch, in order, and runs all gates on the merged result before the "
       "branch moves. What conflicts or fails is left out, and told. When the request is cancelled, what has landed stays.",
       schema(kMergeInput), schema(kMergeOutput)},
      true, [&bounds](const json::object& arguments, Call& call) { return merge(arguments, call, bounds); }));
}

}  // namespace fanout::mcp

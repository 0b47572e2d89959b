#include "server/agent/activities.hpp"

#include <google/protobuf/message.h>

#include "common/text.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMaxText = 8192;
constexpr std::size_t kMaxRaw = 4096;
constexpr std::size_t kMaxWhole = 64 * 1024;  // what a rule must judge is kept whole, or said not to be
constexpr int kMaxItems = 256;

std::size_t limit_of(const google::protobuf::FieldDescriptor& field) {
  if (field.containing_type() == v1::AgentPermission::descriptor() &&
      (field.name() == "command" || field.name() == "paths")) {
    return kMaxWhole;
  }
  return kMaxText;
}

/// Returns whether something was cut.
bool bound_text(std::string& text, std::size_t limit) {
  auto valid = valid_utf8(text);
  const bool cut = valid.size() > limit;
  text = cut ? head(valid, limit) : std::move(valid);
  return cut;
}

bool bound_fields(google::protobuf::Message& message);

bool bound_repeated(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field) {
  const auto& access = *message.GetReflection();
  bool cut = false;
  while (access.FieldSize(message, &field) > kMaxItems) {
    access.RemoveLast(&message, &field);
    cut = true;
  }
  for (int i = 0; i < access.FieldSize(message, &field); ++i) {
    if (field.cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) {
      bound_fields(*access.MutableRepeatedMessage(&message, &field, i));
    } else if (field.cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
      auto text = access.GetRepeatedString(message, &field, i);
      cut = bound_text(text, limit_of(field)) || cut;
      access.SetRepeatedString(&message, &field, i, std::move(text));
    }
  }
  return cut;
}

bool bound_fields(google::protobuf::Message& message) {
  const auto& access = *message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  access.ListFields(message, &fields);
  bool cut = false;
  for (const auto* field : fields) {
    if (field->is_repeated()) {
      cut = bound_repeated(message, *field) || cut;
    } else if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) {
      bound_fields(*access.MutableMessage(&message, field));
    } else if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
      auto text = access.GetString(message, field);
      cut = bound_text(text, limit_of(*field)) || cut;
      access.SetString(&message, field, std::move(text));
    }
  }
  const auto* truncated = message.GetDescriptor()->FindFieldByName("truncated");
  if (cut && truncated) access.SetBool(&message, truncated, true);
  return cut;
}

v1::AgentPlan::Status status_of(const json::value& item) {
  if (const auto done = flag_at(item, "completed")) {
    return *done ? v1::AgentPlan::STATUS_COMPLETED : v1::AgentPlan::STATUS_PENDING;
  }
  const auto status = text_at(item, "status");
  if (status == "completed" || status == "done") return v1::AgentPlan::STATUS_COMPLETED;
  if (status == "in_progress" || status == "inProgress") return v1::AgentPlan::STATUS_IN_PROGRESS;
  if (status == "cancelled" || status == "canceled") return v1::AgentPlan::STATUS_CANCELLED;
  return status == "pending" ? v1::AgentPlan::STATUS_PENDING : v1::AgentPlan::STATUS_UNSPECIFIED;
}

std::string_view item_text(const json::value& item) {
  for (const auto* key : {"content", "text", "description", "subject", "step", "title"}) {
    if (const auto text = text_at(item, key); !text.empty()) return text;
  }
  return {};
}

}  // namespace

void bound(Activity& activity) { bound_fields(activity); }

void add_raw(Output& out, std::string_view line, std::string reason) {
  auto& raw = *out.activities.emplace_back().mutable_raw();
  raw.set_text(head(valid_utf8(line.substr(0, kMaxRaw)), kMaxRaw));
  raw.set_truncated(line.size() > kMaxRaw);
  raw.set_reason(std::move(reason));
}

void add_notice(Output& out, std::string_view text, bool warning) {
  auto& notice = *out.activities.emplace_back().mutable_notice();
  notice.set_text(std::string(text));
  notice.set_warning(warning);
}

void add_message(Output& out, std::string_view text, std::string_view id, bool partial) {
  if (text.empty()) return;
  auto& message = *out.activities.emplace_back().mutable_message();
  message.set_text(std::string(text));
  message.set_id(std::string(id));
  message.set_partial(partial);
}

void add_reasoning(Output& out, std::string_view text, bool partial) {
  if (text.empty()) return;
  auto& reasoning = *out.activities.emplace_back().mutable_reasoning();
  reasoning.set_text(std::string(text));
  reasoning.set_partial(partial);
}

void add_result(Output& out, v1::AgentResult::Outcome outcome, std::string_view summary) {
  auto& result = *out.activities.emplace_back().mutable_result();
  result.set_outcome(outcome);
  result.set_summary(std::string(summary));
}

void add_command(Output& out, std::string_view tool_call, std::string_view command,
                 std::optional<int> exit_code) {
  auto& ran = *out.activities.emplace_back().mutable_command();
  ran.set_tool_call(std::string(tool_call));
  ran.set_command(std::string(command));
  if (exit_code) ran.set_exit_code(*exit_code);
}

void add_answer(Output& out, const Answer& answer, std::string_view text) {
  auto& told = *out.activities.emplace_back().mutable_answer();
  told.set_id(answer.id);
  told.set_allowed(answer.allow);
  told.set_by(answer.by);
  told.set_text(std::string(text));
}

void add_tool_result(Output& out, std::string_view id, bool failed, std::string_view output) {
  auto& result = *out.activities.emplace_back().mutable_tool_result();
  result.set_id(std::string(id));
  result.set_failed(failed);
  result.set_output(output.size() > kMaxToolOutput ? tail(output, kMaxToolOutput) : std::string(output));
  result.set_truncated(output.size() > kMaxToolOutput);
}

void MessagePieces::add(Output& out, std::string_view piece, std::string_view id) {
  if (!id.empty() && id != id_ && !text_.empty()) end(out);
  if (piece.empty()) return;
  id_ = id;
  add_message(out, piece, id, true);
  // One byte more than is told, so that the cut is noticed.
  if (text_.size() <= kMaxText) text_ += piece.substr(0, kMaxText + 1 - text_.size());
}

void MessagePieces::end(Output& out) {
  if (text_.empty()) return;
  add_message(out, text_, id_);
  last_ = std::exchange(text_, {});
}

v1::AgentPlan plan_from(const json::array& items) {
  v1::AgentPlan plan;
  for (const auto& item : items) {
    if (plan.items_size() == kMaxItems) break;
    auto& added = *plan.add_items();
    added.set_text(std::string(item_text(item)));
    added.set_status(status_of(item));
  }
  return plan;
}

}  // namespace fanout::agent

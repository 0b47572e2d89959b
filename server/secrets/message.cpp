#include "server/secrets/message.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace fanout::secrets {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

namespace {

/// Fields that things are known by.
constexpr std::array<std::string_view, 28> kNames{
    "agent_session", "attempt",   "base",        "base_commit", "branch",     "commit",   "copied_files",
    "dependencies", "fanout_commit", "fingerprint", "head_commit", "id",        "key",        "losers",   "needs",
    "parent",      "plan_path",     "program",   "repository",  "role",        "run_id",     "session",  "slug",
    "stderr_log",  "stdout_log",    "task_id",   "tree",        "worktree"};

bool is_name(const FieldDescriptor& field) {
  return std::binary_search(kNames.begin(), kNames.end(), std::string_view(field.name()));
}

void redact_texts(const Redactor& redactor, Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  const auto tell = [&](const std::string& text, auto set) {
    if (auto clean = redactor(text); clean != text) set(std::move(clean));
  };
  std::string scratch;
  if (!field.is_repeated()) {
    return tell(reflection.GetStringReference(message, &field, &scratch),
                [&](std::string clean) { reflection.SetString(&message, &field, std::move(clean)); });
  }
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    tell(reflection.GetRepeatedStringReference(message, &field, i, &scratch),
         [&](std::string clean) { reflection.SetRepeatedString(&message, &field, i, std::move(clean)); });
  }
}

void redact_messages(const Redactor& redactor, Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  if (!field.is_repeated()) return redact_message(redactor, *reflection.MutableMessage(&message, &field));
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    redact_message(redactor, *reflection.MutableRepeatedMessage(&message, &field, i));
  }
}

}  // namespace

void redact_message(const Redactor& redactor, Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      redact_messages(redactor, message, *field);
    } else if (field->type() == FieldDescriptor::TYPE_STRING && !is_name(*field)) {
      redact_texts(redactor, message, *field);
    }
  }
}

}  // namespace fanout::secrets

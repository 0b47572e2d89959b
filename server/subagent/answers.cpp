#include "server/subagent/answers.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "common/text.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using Request = v1::AnswerAgentRequest;
using Option = v1::AgentPermission::Option;

namespace {

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

bool allows(const Option& option) {
  return option.kind() == Option::KIND_ALLOW_ONCE || option.kind() == Option::KIND_ALLOW_ALWAYS;
}

agent::Answer chosen(const v1::AgentPermission& permission, const std::string& word, agent::Answer answer) {
  std::vector<std::string> names;
  for (const auto& option : permission.options()) {
    names.push_back(option.id());
    if (!same_word(option.id(), word) && !same_word(option.name(), word)) continue;
    answer.option = option.id();
    answer.allow = allows(option);
    return answer;
  }
  throw Error(ErrorKind::invalid_input,
              names.empty() ? "there are no options here: allow it or deny it"
                            : "there is no option \"" + printable(word) + "\"; there are: " + join(names, ", "));
}

agent::Answer to_permission(const Request& request, const v1::AgentPermission& permission, agent::Answer answer) {
  switch (request.answer_case()) {
    case Request::kAllow:
      answer.allow = request.allow();
      return answer;
    case Request::kOption:
      return chosen(permission, request.option(), std::move(answer));
    case Request::kText:
      answer.text = request.text();
      return answer;
    case Request::ANSWER_NOT_SET:
      break;
  }
  throw Error(ErrorKind::invalid_input, "a permission is allowed or denied, and it was neither");
}

/// A label by its own words, or by its number from 1; where there are none, and where it is something else, the text.
std::string value_of(const v1::AgentQuestion::Item& item, const std::string& word) {
  for (int i = 0; i < item.options_size(); ++i) {
    if (same_word(item.options(i).label(), word) || std::to_string(i + 1) == word) return item.options(i).label();
  }
  return word;
}

agent::Answer to_question(const Request& request, const v1::AgentQuestion& question, agent::Answer answer) {
  if (request.answer_case() == Request::kAllow && !request.allow()) return answer;  // declined
  answer.allow = true;
  const auto& word = request.answer_case() == Request::kOption ? request.option() : request.text();
  for (const auto& item : question.items()) {
    if (const auto field = request.fields().find(item.key()); field != request.fields().end()) {
      for (const auto& value : field->second.values()) answer.fields[item.key()].push_back(value_of(item, value));
    } else if (!word.empty() && question.items_size() == 1) {
      answer.fields[item.key()] = {value_of(item, word)};
    } else if (item.required()) {
      throw Error(ErrorKind::invalid_input, "an answer is missing to: " + printable(item.text()));
    }
  }
  return answer;
}

}  // namespace

agent::Answer answer_from(const Request& request, const v1::Attention& asked) {
  agent::Answer answer;
  answer.id = asked.id();
  answer.by = v1::AgentAnswer::BY_PERSON;
  return asked.has_permission() ? to_permission(request, asked.permission(), std::move(answer))
                                : to_question(request, asked.question(), std::move(answer));
}

}  // namespace fanout::subagent

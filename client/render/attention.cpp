#include "client/render/attention.hpp"

#include "common/duration.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kShortId = 8;
constexpr int kMostNumbers = 9;  // keys

const google::protobuf::Timestamp& deadline_of(const v1::Attention& attention) {
  return attention.has_permission() ? attention.permission().deadline() : attention.question().deadline();
}

const std::string& otherwise_of(const v1::Attention& attention) {
  return attention.has_permission() ? attention.permission().otherwise() : attention.question().otherwise();
}

std::vector<std::string> choices_of(const v1::Attention& attention) {
  std::vector<std::string> choices;
  for (const auto& option : attention.permission().options())
    choices.push_back(option.id() + (option.name().empty() || option.name() == option.id() ? "" : "  " + option.name()));
  for (const auto& item : attention.question().items()) {
    if (attention.question().items_size() > 1) choices.push_back(item.text());
    for (int i = 0; i < item.options_size(); ++i) {
      const auto& option = item.options(i);
      choices.push_back(std::to_string(i + 1) + "  " + option.label() +
                        (option.description().empty() ? "" : ": " + option.description()));
    }
  }
  return choices;
}

}  // namespace

std::string asked_in_words(const v1::Attention& attention) {
  if (attention.has_permission()) {
    const auto& permission = attention.permission();
    const auto what = permission.command().empty() ? permission.title() : permission.command();
    return "may it: " + (permission.tool().empty() ? "" : permission.tool() + ": ") + what;
  }
  const auto& question = attention.question();
  if (question.items_size() == 1) return question.items(0).text();
  return question.text().empty() && question.items_size() > 0 ? question.items(0).text() : question.text();
}

const v1::Subagent* asking(const v1::Run& run, const std::string& selected) {
  if (const auto* agent = domain::find_subagent(run, selected); agent && !agent->attention().empty()) return agent;
  for (const auto& agent : run.subagents()) {
    if (!agent.attention().empty()) return &agent;
  }
  return nullptr;
}

std::string answer_keys(const v1::Attention& attention) {
  std::string keys = attention.has_permission() ? "y allow · n deny · " : "";
  int number = 0;
  const auto offer = [&](const std::string& name) {
    if (++number <= kMostNumbers) keys += std::to_string(number) + " " + printable(name) + " · ";
  };
  for (const auto& option : attention.permission().options()) offer(option.name().empty() ? option.id() : option.name());
  if (attention.question().items_size() == 1) {
    for (const auto& option : attention.question().items(0).options()) offer(option.label());
  }
  return keys + "a in words";
}

std::optional<v1::AnswerAgentRequest> answer_by_key(const v1::Attention& attention, char key) {
  v1::AnswerAgentRequest request;
  request.set_run_id(attention.run_id());
  request.set_task_id(attention.task_id());
  request.set_id(attention.id());
  const int number = key - '1';
  if (attention.has_permission() && (key == 'y' || key == 'n')) {
    request.set_allow(key == 'y');
  } else if (attention.has_permission() && number >= 0 && number < attention.permission().options_size()) {
    request.set_option(attention.permission().options(number).id());
  } else if (attention.question().items_size() == 1 && number >= 0 &&
             number < attention.question().items(0).options_size()) {
    request.set_text(attention.question().items(0).options(number).label());
  } else {
    return std::nullopt;
  }
  return request;
}

std::string answer_command(const v1::Attention& attention) {
  const auto command = "fanout answer " + attention.run_id() + " " + attention.task_id() + " " + attention.id().substr(0, kShortId);
  return command + (attention.has_permission() ? " --allow   (or --deny)" : " --text TEXT");
}

std::vector<std::string> attention_lines(const v1::WatchAttentionResponse& waiting, Time now, const Style& style,
                                         std::size_t columns) {
  std::vector<std::string> lines;
  for (const auto& one : waiting.waiting()) {
    if (!lines.empty()) lines.emplace_back();
    Line title(style, columns);
    title.add("? ", Ink::magenta).add(one.task_id(), Ink::bold).add(" of " + one.run_id(), Ink::dim);
    title.add("  asked " + ago(to_time(one.asked_at()), now), Ink::dim);
    lines.push_back(title.text());
    const auto add = [&](const std::string& text, Ink ink) {
      lines.push_back(Line(style, columns).pad_to(4).add(printable(text), ink).text());
    };
    add(asked_in_words(one), Ink::plain);
    if (!one.permission().reason().empty()) add(one.permission().reason(), Ink::dim);
    for (const auto& choice : choices_of(one)) add("- " + choice, Ink::plain);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(to_time(deadline_of(one)) - now);
    add("in " + format_duration(std::max(left, std::chrono::milliseconds(0))) + ": " + otherwise_of(one), Ink::dim);
    add(answer_command(one), Ink::cyan);
  }
  return lines;
}

}  // namespace fanout::client

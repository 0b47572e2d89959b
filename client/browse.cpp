#include "client/browse.hpp"

#include <algorithm>

#include "client/render/arrangement.hpp"
#include "client/render/attention.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;
using Name = Key::Name;

namespace {

constexpr std::ptrdiff_t kPage = 10;  // tasks

void remove_last_character(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
}

/// Where `task` stands in the list; -1: nowhere.
std::ptrdiff_t place_of(const std::string& task, const v1::Run& run, const std::vector<Placed>& all) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) {
    return run.subagents(one.index).task_id() == task;
  });
  return found == all.end() ? -1 : found - all.begin();
}

std::optional<std::ptrdiff_t> moved(const Key& key, std::ptrdiff_t place, std::ptrdiff_t count) {
  if (key.name == Name::down || key.is("j")) return place + 1;
  if (key.name == Name::up || key.is("k")) return place < 0 ? count - 1 : place - 1;
  if (key.name == Name::page_down) return place + kPage;
  if (key.name == Name::page_up) return place - kPage;
  if (key.name == Name::home || key.is("g")) return 0;
  if (key.name == Name::end || key.is("G")) return count - 1;
  return std::nullopt;
}

}  // namespace

Browse::Wish Browse::press(const Key& key, const v1::Run& run) {
  note_.clear();
  if (typing_ != Typing::nothing) return press_typing(key, run);
  if (!log_) return press_table(key, run);
  press_log(key);
  return {};
}

void Browse::begin(Typing what) {
  typing_ = what;
  typed_.clear();
}

Browse::Wish Browse::press_typing(const Key& key, const v1::Run& run) {
  const bool confirming = typing_ == Typing::confirm_cancel;
  if (confirming ? key.is("y") : key.name == Name::enter) return typed(run);
  if (key.name == Name::escape || confirming) begin(Typing::nothing);
  if (key.name == Name::backspace) remove_last_character(typed_);
  if (key.name == Name::character && !confirming) typed_ += key.text;
  return {};
}

/// What was typed is whole.
Browse::Wish Browse::typed(const v1::Run& run) {
  const auto what = std::exchange(typing_, Typing::nothing);
  if (what == Typing::search && log_) {
    if (!typed_.empty() && !log_->search(typed_)) note_ = "no line holds \"" + typed_ + "\"";
  } else if (what == Typing::confirm_cancel) {
    v1::CancelRunRequest request;
    request.set_run_id(run.id());
    request.set_task_id(selected_);
    return request;
  } else if (const auto* agent = asking(run, selected_); what == Typing::answer && agent && !typed_.empty()) {
    v1::AnswerAgentRequest request;
    request.set_run_id(run.id());
    request.set_task_id(agent->task_id());
    request.set_id(agent->attention(0).id());
    request.set_text(typed_);
    return request;
  }
  return {};
}

void Browse::press_log(const Key& key) {
  if (key.name == Name::up || key.is("k")) log_->scroll(-1);
  if (key.name == Name::down || key.is("j") || key.name == Name::enter) log_->scroll(1);
  if (key.name == Name::page_up || key.is("b")) log_->scroll_pages(-1);
  if (key.name == Name::page_down || key.is(" ")) log_->scroll_pages(1);
  if (key.name == Name::home || key.is("g")) log_->to_start();
  if (key.name == Name::end || key.is("G")) log_->to_end();
  if (key.is("/")) begin(Typing::search);
  if (key.is("n") && !log_->next()) note_ = "nothing more below";
  if (key.is("N") && !log_->previous()) note_ = "nothing more above";
  if (key.name == Name::escape || key.is("q")) {
    log_.reset();
    reading_.clear();
  }
}

/// Whether the key moves the selection.
bool Browse::move(const Key& key, const v1::Run& run) {
  const auto all = arranged(run);
  const auto count = static_cast<std::ptrdiff_t>(all.size());
  const auto place = moved(key, place_of(selected_, run, all), count);
  if (!place || count == 0) return false;
  const auto kept = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(*place, 0, count - 1));
  selected_ = run.subagents(all[kept].index).task_id();
  return true;
}

void Browse::open_log(const v1::Run& run) {
  reading_ = selected_;
  log_.emplace(selected_ + " of " + run.id());
}

Browse::Wish Browse::press_table(const Key& key, const v1::Run& run) {
  if (move(key, run)) return {};
  if (key.name == Name::escape) selected_.clear();
  if (key.is("q")) return Leave{};
  const auto* agent = asking(run, selected_);
  if (agent && key.is("a")) begin(Typing::answer);
  if (agent && key.name == Name::character && key.text.size() == 1) {
    if (auto answer = answer_by_key(agent->attention(0), key.text.front())) return *std::move(answer);
  }
  const bool log = key.name == Name::enter || key.is("l"), retry = key.is("r"), cancel = key.is("c");
  if (!log && !retry && !cancel) return {};
  if (selected_.empty()) {
    note_ = "select a task first: ↑ or ↓";
  } else if (log) {
    open_log(run);
  } else if (cancel) {
    begin(Typing::confirm_cancel);
  } else {
    v1::RetryRunRequest request;
    request.set_run_id(run.id());
    request.set_task_id(selected_);
    return request;
  }
  return {};
}

std::string Browse::below() const {
  switch (typing_) {
    case Typing::answer:
      return "answer: " + typed_ + "▏  (enter sends, esc gives up)";
    case Typing::search:
      return "/" + typed_ + "▏";
    case Typing::confirm_cancel:
      return "cancel " + selected_ + "? y ends it, any other key does not";
    case Typing::nothing:
      break;
  }
  return note_;
}

}  // namespace fanout::client

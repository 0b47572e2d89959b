#include "server/subagent/speech.hpp"

#include "common/text.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMostSpeech = 1 << 10;
constexpr std::chrono::milliseconds kPause{100};  // more often nobody sees

}  // namespace

void Speech::add(const std::string& run, const std::string& task, std::string_view piece, bool reasoning) {
  auto& said = runs_[run][task];
  if (said.reasoning != reasoning) said = Said();
  said.reasoning = reasoning;
  said.text += said.clean.add(redactor_, piece);
  if (said.text.size() > 2 * kMostSpeech) said.text = tail(said.text, kMostSpeech);
  said.version = ++version_;
  publish_soon();
}

void Speech::end(const std::string& run, const std::string& task) {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return;
  found->second.erase(task);
  if (found->second.empty()) runs_.erase(found);
}

/// All that is said meanwhile is told together.
void Speech::publish_soon() {
  if (listeners_.empty() || std::exchange(due_, true)) return;
  pause_.expires_after(kPause);
  pause_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    due_ = false;
    published_ = version_;
    for (const auto& [run, count] : listeners_) {
      if (runs_.contains(run)) log_.wake(run);
    }
  });
}

std::vector<v1::AgentSpeech> Speech::since(const std::string& run, std::uint64_t& heard) const {
  std::vector<v1::AgentSpeech> news;
  const auto found = runs_.find(run);
  const auto before = std::exchange(heard, published_);
  if (found == runs_.end()) return news;
  for (const auto& [task, said] : found->second) {
    if (said.version <= before || before == published_ || said.text.empty()) continue;
    auto& speech = news.emplace_back();
    speech.set_task_id(task);
    speech.set_text(valid_utf8(tail(said.text, kMostSpeech)));
    speech.set_reasoning(said.reasoning);
  }
  return news;
}

}  // namespace fanout::subagent

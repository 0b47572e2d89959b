#include "server/secrets/log_sink.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

namespace fanout::secrets {

namespace {

/// Before the sinks that were there. They have the pattern.
class RedactingSink final : public spdlog::sinks::sink {
 public:
  RedactingSink(std::shared_ptr<const Redactor> redactor, std::vector<spdlog::sink_ptr> behind)
      : redactor_(std::move(redactor)), behind_(std::move(behind)) {}

  void log(const spdlog::details::log_msg& message) override {
    const auto text = (*redactor_)({message.payload.data(), message.payload.size()});
    auto told = message;
    told.payload = {text.data(), text.size()};
    for (const auto& next : behind_) {
      if (next->should_log(told.level)) next->log(told);
    }
  }
  void flush() override {
    for (const auto& next : behind_) next->flush();
  }
  void set_pattern(const std::string& pattern) override {
    for (const auto& next : behind_) next->set_pattern(pattern);
  }
  void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override {
    for (const auto& next : behind_) next->set_formatter(formatter->clone());
  }

 private:
  const std::shared_ptr<const Redactor> redactor_;
  const std::vector<spdlog::sink_ptr> behind_;
};

}  // namespace

void guard_log(std::shared_ptr<const Redactor> redactor) {
  auto& sinks = spdlog::default_logger()->sinks();
  sinks = {std::make_shared<RedactingSink>(std::move(redactor), sinks)};
}

}  // namespace fanout::secrets

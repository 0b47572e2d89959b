#pragma once

#include <optional>
#include <string>
#include <variant>

#include "client/key_reader.hpp"
#include "client/render/log_view.hpp"
#include "fanout/v1/agents.pb.h"
#include "fanout/v1/service.pb.h"

namespace fanout::client {

/// What the person at the terminal looks at: the table, with a task selected or none; an agent's log; or a line that is
/// being typed. Pure: keys change it, and what they ask of the daemon is handed out.
class Browse {
 public:
  struct Leave {};
  /// What is to be done; nothing, most often.
  using Wish = std::variant<std::monostate, fanout::v1::AnswerAgentRequest, fanout::v1::RetryRunRequest,
                            fanout::v1::CancelRunRequest, Leave>;

  Wish press(const Key& key, const fanout::v1::Run& run);

  /// A task's id; empty: none.
  const std::string& selected() const { return selected_; }
  /// Whose log is open; empty: none is.
  const std::string& reading() const { return reading_; }
  /// The open log; null: none is.
  LogView* log() { return log_ ? &*log_ : nullptr; }
  /// What is being typed or said in place of the hints; empty: nothing.
  std::string below() const;

 private:
  enum class Typing { nothing, answer, search, confirm_cancel };

  Wish press_typing(const Key& key, const fanout::v1::Run& run);
  Wish typed(const fanout::v1::Run& run);
  void press_log(const Key& key);
  Wish press_table(const Key& key, const fanout::v1::Run& run);
  bool move(const Key& key, const fanout::v1::Run& run);
  void open_log(const fanout::v1::Run& run);
  void begin(Typing what);

  std::string selected_;
  std::string reading_;
  std::optional<LogView> log_;
  Typing typing_ = Typing::nothing;
  std::string typed_;
  std::string note_;  // until the next key
};

}  // namespace fanout::client

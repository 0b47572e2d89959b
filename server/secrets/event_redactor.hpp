#pragma once

#include <map>
#include <string>

#include "common/redact.hpp"
#include "fanout/v1/event.pb.h"

namespace fanout::secrets {

/// Stands before the event log: what is recorded and told of a run holds no secret that it knows or that looks like one.
/// A private key is found over several lines of one program's output. Not thread-safe. Lifetime: `redactor` outlives it.
class EventRedactor {
 public:
  explicit EventRedactor(const Redactor& redactor) : redactor_(redactor) {}
  void operator()(fanout::v1::Event& event);

 private:
  void redact_output(const std::string& program, fanout::v1::Output& output);

  const Redactor& redactor_;
  std::map<std::string, LineRedactor> outputs_;  ///< By run, task, program and stream; those that run.
};

}  // namespace fanout::secrets

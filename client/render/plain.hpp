#pragma once

#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "fanout/v1/event.pb.h"

namespace fanout::client {

/// Events as lines of text, for logs and pipes: time since the start, task, what happened.
class PlainLines {
 public:
  struct Options {
    Style style;
    bool verbose = false;  ///< Also what the programs print.
  };
  PlainLines(const fanout::v1::Run& run, Options options);

  /// Most events are one line; one that says nothing to a person is none.
  std::vector<std::string> lines(const fanout::v1::Event& event);

 private:
  void make_room(const google::protobuf::RepeatedPtrField<fanout::v1::Subagent>& tasks);
  std::string line(const fanout::v1::Event& event, std::string_view text, Ink ink) const;
  std::vector<std::string> gate_lines(const fanout::v1::Event& event) const;
  std::vector<std::string> output_lines(const fanout::v1::Event& event) const;

  Options options_;
  std::size_t id_columns_ = 0;
};

}  // namespace fanout::client

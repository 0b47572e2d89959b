#pragma once

#include <boost/json.hpp>
#include <functional>
#include <string>
#include <vector>

#include "client/mcp/call.hpp"

/// What a server of the Model Context Protocol has to offer, apart from how it is asked.
namespace fanout::mcp {

namespace json = boost::json;

/// What a tool answers. A failure is an Error that it throws; the client's model then reads its sentence.
struct Answer {
  std::string text;         ///< For people, short.
  json::object structured;  ///< As the tool's output schema says.
  bool failed = false;      ///< `text` says why; there is nothing structured.
};

struct Tool {
  std::string name;
  std::string title;
  std::string description;
  json::object input;   ///< JSON Schema of the arguments; they are checked before `run`.
  json::object output;  ///< JSON Schema of Answer::structured.
  json::object annotations;
  std::function<Answer(const json::object& arguments, Call& call)> run;
};

struct ResourcePage {
  json::array resources;
  std::string next_cursor;  ///< Empty: there are no more.
};

/// All functions may be called by several threads at once.
struct Offer {
  std::string instructions;
  std::vector<Tool> tools;
  json::array templates;
  /// `cursor` is empty for the first page. Throws ProtocolError{kInvalidParams} for one that was never given.
  std::function<ResourcePage(const std::string& cursor, Call& call)> list;
  /// The contents. Throws Error{not_found} or {invalid_input} for a URI that names nothing.
  std::function<json::array(const std::string& uri, Call& call)> read;
};

}  // namespace fanout::mcp

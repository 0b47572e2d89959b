#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "client/mcp/access.hpp"
#include "client/mcp/offer.hpp"

/// The tools, and what they share.
namespace fanout::mcp {

/// Of arguments that were checked by the tool's schema: empty, or the other value, where it is missing.
std::string text_of(const json::object& arguments, const char* name);
std::uint64_t number_of(const json::object& arguments, const char* name, std::uint64_t otherwise);
bool flag_of(const json::object& arguments, const char* name);

/// A JSON Schema that is written here.
json::object schema(std::string_view text);

/// What a tool is known by.
struct ToolText {
  const char* name;
  const char* title;
  const char* description;
  json::object input;
  json::object output;
};

/// It changes nothing; or it does. None reaches into the open world but by the plans it runs.
Tool reading_tool(const ToolText& text, std::function<Answer(const json::object&, Call&)> run);
Tool acting_tool(const ToolText& text, bool destructive, std::function<Answer(const json::object&, Call&)> run);

/// Added to what is there. `bounds` must outlive the tools.
void add_plan_tools(std::vector<Tool>& tools, const Bounds& bounds);
void add_run_tools(std::vector<Tool>& tools, const Bounds& bounds);
void add_task_tools(std::vector<Tool>& tools, const Bounds& bounds);
void add_merging_tools(std::vector<Tool>& tools, const Bounds& bounds);

/// Runs and logs as resources.
void add_resources(Offer& offer, const Bounds& bounds);

/// A part of a log: from `offset` on, or with no offset its end; at most `limit` bytes, valid UTF-8.
struct LogPart {
  std::string text;
  std::uint64_t offset = 0;
  std::uint64_t next = 0;  ///< Where what follows begins.
  bool more = false;       ///< There is more behind it.
};
LogPart read_log(client::Connection& daemon, fanout::v1::ReadLogRequest request, std::optional<std::uint64_t> offset,
                 std::size_t limit);

}  // namespace fanout::mcp

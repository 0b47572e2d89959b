#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/mcp/json_rpc.hpp"
#include "client/mcp/offer.hpp"
#include "client/mcp/requests.hpp"

namespace fanout::mcp {

/// The server's side of the Model Context Protocol, for both of its eras: a client of 2026-07-28 or later says its
/// version with every request; an earlier one opens with `initialize`, and the version agreed on holds from then on.
///
/// Lifetimes: what is offered must outlive it.
/// Thread-safe: no. Lines go out from several threads, one at a time.
class Protocol {
 public:
  Protocol(const Offer& offer, Requests::Send send);

  /// Does what the line asks for. Whatever is wrong with it is answered as the protocol says.
  void take(std::string_view line);
  /// A line of more than `most_bytes` came, and is gone.
  void refuse_long_line(std::size_t most_bytes);
  /// Nothing more comes. Returns when all requests are answered.
  void finish();

 private:
  enum class Era { legacy, modern };

  void take(const Request& request);
  void take(const Notification& notification);
  Era era_of(const Request& request) const;
  json::object initialize(const json::object& params);
  json::object discover() const;
  json::object capabilities() const;
  json::object call_tool(const json::object& params, Call& call) const;
  json::object list_tools(const json::object& params) const;
  json::object list_resources(const json::object& params, Call& call) const;
  json::object list_templates(const json::object& params) const;
  json::object read_resource(const json::object& params, Era era, Call& call) const;
  Requests::Work work_for(const Request& request, Era era);

  const Offer& offer_;
  std::string legacy_version_;  // empty until a client has sent initialize
  Requests requests_;
};

}  // namespace fanout::mcp

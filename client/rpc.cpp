#include "client/rpc.hpp"

#include "client/reach.hpp"
#include "client/signals.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace {

constexpr int kMostMessageBytes = 64 << 20;  // a run with many reports is one message

ErrorKind kind_of(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::OUT_OF_RANGE:
      return ErrorKind::invalid_input;
    case grpc::StatusCode::NOT_FOUND:
      return ErrorKind::not_found;
    case grpc::StatusCode::ALREADY_EXISTS:
      return ErrorKind::already_there;
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::ABORTED:
      return ErrorKind::precondition;
    case grpc::StatusCode::UNAVAILABLE:
      return ErrorKind::unavailable;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return ErrorKind::timed_out;
    case grpc::StatusCode::CANCELLED:
      return ErrorKind::cancelled;
    default:
      return ErrorKind::system;
  }
}

/// gRPC's own words for a lost or missing connection say nothing to a person. The daemon's own
/// UNAVAILABLE comes from a daemon that still answers.
std::string sentence_of(const grpc::Status& status, const std::filesystem::path& socket) {
  const auto message = status.error_message();
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      if (message.starts_with("the daemon")) return message;
      return "fanoutd on " + socket.string() +
             (answers(socket) ? " broke the connection" : " does not answer");
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "fanoutd on " + socket.string() + " takes too long to answer";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "the running fanoutd does not know this request: it is of another version (fanout daemon stop "
             "ends it)";
    default:
      return message.empty() ? "the daemon refused, and gave no reason" : valid_utf8(message);
  }
}

/// A path as gRPC wants it: a URI, in which %, ? and # mean something.
std::string target_of(const std::filesystem::path& socket) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string target = "unix:";
  for (const char c : socket.string()) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) ||
                       std::string_view("/-._~").find(c) != std::string_view::npos;
    if (plain) {
      target += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      target += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return target;
}

}  // namespace

std::shared_ptr<grpc::Channel> open_channel(const std::filesystem::path& socket) {
  const ThreadsWithoutSignals guard;  // gRPC starts its threads here
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMostMessageBytes);
  // A renewed connection must not share the old one's channel, nor its back-off.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(target_of(socket), grpc::InsecureChannelCredentials(), arguments);
}

CallFailed to_failure(const grpc::Status& status, const std::filesystem::path& socket) {
  fanout::v1::PlanFaults faults;
  if (status.error_code() == grpc::StatusCode::INVALID_ARGUMENT &&
      !faults.ParseFromString(status.error_details())) {
    faults.Clear();
  }
  return {kind_of(status.error_code()), sentence_of(status, socket), std::move(faults)};
}

}  // namespace fanout::client

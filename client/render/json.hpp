#pragma once

#include <string>

namespace google::protobuf {
class Message;
}

namespace fanout::client {

/// `message` as one line of JSON by the proto3 mapping, without a line end. Every plain field is there,
/// whatever its value, so that a reader need not know the defaults.
std::string to_json(const google::protobuf::Message& message);

}  // namespace fanout::client

#include "client/render/json.hpp"

#include <google/protobuf/util/json_util.h>

#include "common/error.hpp"

namespace fanout::client {

std::string to_json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok())
    throw Error(ErrorKind::system, "the daemon's answer cannot be put as JSON: " + status.ToString());
  return json;
}

}  // namespace fanout::client

#pragma once

#include "client/mcp/offer.hpp"

namespace fanout::mcp {

/// Serves whoever is at the other end of the descriptors `in` and `out`, until `in` ends or nobody reads `out` any
/// more. Nothing but messages of the protocol is written to `out`.
void serve(const Offer& offer, int in, int out);

}  // namespace fanout::mcp

#pragma once

#include <span>
#include <string>
#include <string_view>

namespace fanout::github {

/// `text` with what looks like a secret replaced by "[redacted]": tokens of GitHub and other well-known
/// services, passwords in urls, Authorization headers, private keys; and each of `secrets` wherever it occurs.
/// Pure. It is a net, not a proof.
std::string redacted(std::string_view text, std::span<const std::string> secrets = {});

}  // namespace fanout::github

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fanout::http {

/// The content of gzip data. Throws Error{invalid_input}: damaged, cut off, or larger than `limit` bytes.
std::string gunzip(std::string_view data, std::size_t limit);

}  // namespace fanout::http

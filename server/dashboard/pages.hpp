#pragma once

#include <string_view>

namespace fanout::dashboard {

/// The bytes of one of the page's files, such as "page.js"; empty when there is none of that name.
std::string_view page(std::string_view name);

}  // namespace fanout::dashboard

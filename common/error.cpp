#include "common/error.hpp"

#include <system_error>

namespace fanout {

std::string errno_text(int code) { return std::generic_category().message(code); }

}  // namespace fanout

#pragma once

#include "common/error.hpp"

namespace fanout::store {

/// The file is there and is no whole database: what was asked for cannot be read or written, and never will be.
class Damaged : public Error {
 public:
  using Error::Error;
};

}  // namespace fanout::store

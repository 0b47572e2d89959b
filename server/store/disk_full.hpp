#pragma once

#include "common/error.hpp"

namespace fanout::store {

/// Nothing was written, since the disk has no room. Later it may have.
class DiskFull : public Error {
 public:
  using Error::Error;
};

}  // namespace fanout::store

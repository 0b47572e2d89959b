#pragma once

// What takes long to read and what every file here uses.
#include <boost/json.hpp>

#include "fanout/v1/agent.pb.h"

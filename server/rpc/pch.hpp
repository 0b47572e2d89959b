// Precompiled: Asio and gRPC together take most of a compilation.
#pragma once

#include <grpcpp/grpcpp.h>

#include <boost/asio.hpp>
#include <boost/asio/experimental/parallel_group.hpp>

#include "fanout/v1/service.grpc.pb.h"

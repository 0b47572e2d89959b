// Precompiled: what every file that uses Asio needs and what takes long to parse.
#pragma once

#include <boost/asio.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fanout::process {

/// A file that a process has open for writing at this moment.
struct OpenFile {
  pid_t pid = -1;
  std::string name;  ///< The process's own, as ps(1) shows it.
  std::filesystem::path path;
};

/// Of `program`, which runs under a supervisor, and all that it has started: files that `counts`. Nothing where it has ended.
/// BLOCKS: reads /proc.
std::vector<OpenFile> files_open_for_writing(pid_t program, const std::function<bool(const std::filesystem::path&)>& counts);

}  // namespace fanout::process

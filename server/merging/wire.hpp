#pragma once

#include <string>
#include <vector>

#include "fanout/v1/merging.pb.h"
#include "server/git/merging.hpp"

/// What git tells, as the API says it. Pure.
namespace fanout::merging {

google::protobuf::RepeatedPtrField<fanout::v1::FileConflict> to_wire(const std::vector<git::FileConflict>& conflicts);

/// At most `most` of them.
void add_files(const std::vector<git::FileDelta>& files, int most, google::protobuf::RepeatedPtrField<fanout::v1::FileChange>& to);
void add_commits(const std::vector<git::CommitInfo>& commits, int most, google::protobuf::RepeatedPtrField<fanout::v1::Commit>& to);

inline std::vector<std::string> strings_of(const google::protobuf::RepeatedPtrField<std::string>& field) {
  return {field.begin(), field.end()};
}

/// The conflicts in Markdown, for an agent that is to solve them; at most 12 KiB.
std::string described(const std::vector<git::FileConflict>& conflicts);

}  // namespace fanout::merging

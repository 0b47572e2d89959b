#pragma once

#include <filesystem>

namespace fanout::store {

/// A folder beside a damaged database that is not there yet: "FILE.damaged-20261126-064500".
std::filesystem::path place_for_damaged(const std::filesystem::path& file);

/// Moves a database, with all that belongs to it, into `folder`, whole; nothing of it is ever removed. Cut off at any
/// point and called again, it finishes. BLOCKS. Error system.
void set_aside(const std::filesystem::path& file, const std::filesystem::path& folder);

/// Has the next one who opens the database take it for damaged, whatever a check of it says. Never throws.
void mark_damaged(const std::filesystem::path& file) noexcept;
bool is_marked_damaged(const std::filesystem::path& file);
void unmark_damaged(const std::filesystem::path& file) noexcept;

}  // namespace fanout::store

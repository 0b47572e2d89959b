#include <optional>

#include "tests/unit/git/helpers.hpp"

// libgit2 1.5.1 forgets PCRE2's workspace whenever a regular expression does not match (git_regexp_match).
extern "C" const char* __lsan_default_suppressions() { return "leak:libpcre2-8.so\n"; }
// glibc guards its time zone with a lock that ThreadSanitizer does not see (localtime_r and mktime).
extern "C" const char* __tsan_default_suppressions() { return "race:tzset_internal\n"; }

namespace fanout::git {
namespace {

/// No configuration but that of the test's own repositories, and libgit2 for as long as the tests run.
class GitEnvironment : public ::testing::Environment {
 public:
  void SetUp() override {
    home_.emplace();
    library_.emplace();
  }
  void TearDown() override {
    library_.reset();
    home_.reset();
  }

 private:
  std::optional<test::IsolatedHome> home_;
  std::optional<Library> library_;
};

[[maybe_unused]] const auto* const environment = ::testing::AddGlobalTestEnvironment(new GitEnvironment);

}  // namespace
}  // namespace fanout::git

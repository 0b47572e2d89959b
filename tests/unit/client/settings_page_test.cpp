#include <gmock/gmock.h>

#include "client/render/settings.hpp"
#include "tests/unit/client/run_builder.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;

void add_value(v1::GetConfigResponse& answer, const std::string& key, const std::string& value, v1::ConfigLayer source,
               const std::string& file = "", unsigned line = 0) {
  auto& added = *answer.add_values();
  added.set_key(key);
  added.set_value(value);
  added.set_source(source);
  added.set_file(file);
  added.set_line(line);
}

v1::GetConfigResponse example_settings() {
  v1::GetConfigResponse answer;
  auto& repository = *answer.add_files();
  repository.set_source(v1::CONFIG_LAYER_REPOSITORY);
  repository.set_path("/home/me/project/.fanout.yaml");
  repository.set_found(true);
  auto& user = *answer.add_files();
  user.set_source(v1::CONFIG_LAYER_USER);
  user.set_path("/home/me/config.toml");
  add_value(answer, "agent", "claude", v1::CONFIG_LAYER_REPOSITORY, "/home/me/project/.fanout.yaml", 3);
  add_value(answer, "timeout", "45m", v1::CONFIG_LAYER_USER, "/home/me/config.toml", 1);
  add_value(answer, "base", "HEAD", v1::CONFIG_LAYER_DEFAULT);
  add_value(answer, "retention.events_age", "30d", v1::CONFIG_LAYER_DEFAULT);
  return answer;
}

TEST(SettingsPage, ShowsFilesAndThenEveryKeyWithItsPlace) {
  EXPECT_EQ(text_of(settings_lines(example_settings(), "/home/me/project", {}, kUnlimited)),
            "repository  .fanout.yaml\n"
            "user        /home/me/config.toml (not there)\n"
            "\n"
            "KEY                   VALUE   FROM\n"
            "agent                 claude  .fanout.yaml:3\n"
            "timeout               45m     /home/me/config.toml:1\n"
            "base                  HEAD    default\n"
            "\n"
            "retention.events_age  30d     default\n");
}

TEST(SettingsPage, CutsValuesAndNotPlacesWhereThereIsLittleRoom) {
  auto answer = example_settings();
  answer.mutable_values(0)->set_value(std::string(200, 'x') + "\nsecond line \033[31m");
  const auto text = text_of(settings_lines(answer, "/home/me/project", {}, 80));
  EXPECT_THAT(text, HasSubstr("x…  .fanout.yaml:3\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace fanout::client::test

#include "tests/counterparts/nginx.hpp"

#include <algorithm>
#include <sstream>

namespace fanout::test {

namespace fs = std::filesystem;

namespace {

constexpr const char* kConfiguration = R"(
daemon off;
master_process off;
pid @FOLDER@/pid;
error_log @FOLDER@/error.log notice;
events { worker_connections 256; }
http {
  log_format seen '$msec $status $request_method $uri';
  access_log @FOLDER@/access.log seen;
  client_body_temp_path @FOLDER@/body;
  proxy_temp_path @FOLDER@/proxy;
  fastcgi_temp_path @FOLDER@/fastcgi;
  uwsgi_temp_path @FOLDER@/uwsgi;
  scgi_temp_path @FOLDER@/scgi;
  proxy_http_version 1.1;
  @HTTP@
  server {
    listen 127.0.0.1:@PORT@ @LISTEN@;
    @SERVER@
  }
}
)";

void replace(std::string& text, const std::string& name, const std::string& value) {
  for (auto at = text.find(name); at != text.npos; at = text.find(name, at + value.size())) text.replace(at, name.size(), value);
}

}  // namespace

Nginx::Nginx(std::string http, std::string server, const std::string& listen, unsigned short port) {
  std::string text = kConfiguration;
  replace(text, "@HTTP@", http);
  replace(text, "@SERVER@", server);
  replace(text, "@LISTEN@", listen);
  replace(text, "@PORT@", std::to_string(port));
  replace(text, "@FOLDER@", folder_.path().string());
  write_file(folder_ / "nginx.conf", text);
  const std::vector<std::string> words = {debian_program("usr/sbin/nginx").string(), "-p", folder_.path().string(), "-e",
                                          (folder_ / "error.log").string(), "-c", (folder_ / "nginx.conf").string()};
  program_ = std::make_unique<Counterpart>(words, port);
}

std::vector<Served> Nginx::served() const {
  std::vector<Served> all;
  for (const auto& line : lines_of(read_file(folder_ / "access.log"))) {
    std::istringstream words(line);
    Served& entry = all.emplace_back();
    words >> entry.time >> entry.status >> entry.method >> entry.path;
  }
  return all;
}

std::vector<Served> Nginx::served(const std::string& method, unsigned status) const {
  auto all = served();
  std::erase_if(all, [&](const Served& entry) { return entry.method != method || entry.status != status; });
  return all;
}

GitBackend::GitBackend(fs::path bare) : bare_(std::move(bare)), users_(folder_ / "users") {
  write_file(users_, std::string("x-access-token:{PLAIN}") + kToken + "\n");
  const auto socket = folder_ / "fcgi.sock";
  wrapper_ = std::make_unique<Counterpart>(
      std::vector<std::string>{debian_program("usr/sbin/fcgiwrap").string(), "-s", "unix:" + socket.string()}, socket);
}

std::string GitBackend::location() const {
  return R"(
    location ~ ^/mona/hello\.git(/.*)$ {
      auth_basic git;
      auth_basic_user_file )" + users_.string() + R"(;
      client_max_body_size 0;
      fastcgi_pass unix:)" + (folder_ / "fcgi.sock").string() + R"(;
      fastcgi_param SCRIPT_FILENAME )" + git_in("/", {"--exec-path"}) + R"(/git-http-backend;
      fastcgi_param GIT_PROJECT_ROOT )" + bare_.string() + R"(;
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param PATH_INFO $1;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param REMOTE_USER $remote_user;
      fastcgi_param REMOTE_ADDR $remote_addr;
      fastcgi_param PATH /usr/bin:/bin;
    })";
}

}  // namespace fanout::test

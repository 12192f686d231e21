// SPDX-License-Identifier: Apache-2.0
// Our client against the server of the openssl command, over real sockets.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/net/async_stream.hpp"
#include "kit/net/connect.hpp"
#include "kit/net/tls_test_support.hpp"

namespace kit::net {
namespace {

/// `openssl s_server` on a free port; ends with this object.
class OpensslServer {
 public:
  explicit OpensslServer(std::vector<std::string> arguments) {
    std::vector<std::string> all{"openssl", "s_server", "-accept", "127.0.0.1:0", "-www"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& one : all) pointers.push_back(one.data());
    pointers.push_back(nullptr);
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions{};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const int failed =
        ::posix_spawnp(&process_, "openssl", &actions, nullptr, pointers.data(), environ);
    EXPECT_EQ(failed, 0) << "the openssl command is needed";
    posix_spawn_file_actions_destroy(&actions);
    ::close(pipe[1]);
    std::string text;
    std::array<char, 256> buffer{};
    // "ACCEPT 127.0.0.1:40001"; it listens then.
    while (text.find("ACCEPT") == std::string::npos || !text.ends_with('\n')) {
      const ssize_t got = ::read(pipe[0], buffer.data(), buffer.size());
      if (got <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    ::close(pipe[0]);
    const std::size_t colon = text.rfind(':');
    if (colon != std::string::npos) port_ = std::atoi(text.c_str() + colon + 1);
    EXPECT_GT(port_, 0) << text;
  }
  ~OpensslServer() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  OpensslServer(const OpensslServer&) = delete;
  OpensslServer& operator=(const OpensslServer&) = delete;
  int port() const { return port_; }

 private:
  pid_t process_ = -1;
  int port_ = 0;
};

Task<std::string> fetch(Resolver& resolver, std::shared_ptr<const TlsContext> context, int port) {
  std::vector<std::string> protocols{"http/1.1"};
  auto made =
      co_await connect_tls("127.0.0.1", port, resolver, std::move(context), std::move(protocols));
  std::string page(made->application_protocol());
  AsyncStream stream(std::move(made));
  co_await stream.write("GET / HTTP/1.0\r\n\r\n");
  std::array<char, 4096> buffer{};
  while (const std::size_t count = co_await stream.read(buffer)) page.append(buffer.data(), count);
  co_return page;
}

TEST(TlsWithOpenssl, SpeaksBothVersionsAndShowsItsCertificate) {
  TestAuthority authority;
  const auto loop = std::move(*make_epoll_loop());
  Resolver resolver;
  const CertificateFiles server = authority.issue();
  for (const bool old : {false, true}) {
    const OpensslServer running({"-cert", server.certificate, "-key", server.key, "-CAfile",
                                 authority.file(), "-Verify", "1", "-verify_return_error", "-alpn",
                                 "http/1.1", old ? "-tls1_2" : "-tls1_3"});
    TlsClientOptions options;
    options.ca = authority.file();
    EXPECT_FALSE(run(*loop, fetch(resolver, *TlsContext::make_client(options), running.port())));
    options.certificate = authority.issue({.name = "client"});
    options.min_version = TlsVersion::tls_1_2;
    const auto page =
        run(*loop, fetch(resolver, *TlsContext::make_client(options), running.port()));
    ASSERT_TRUE(page.ok()) << page.error().describe();
    const auto says = [&page](std::string_view text) { return page->find(text) != page->npos; };
    EXPECT_TRUE(says("http/1.1HTTP/1.0 200 ok"));
    EXPECT_TRUE(says(old ? "Protocol  : TLSv1.2" : "Protocol  : TLSv1.3"));
    EXPECT_TRUE(says("Subject: O=Example, CN=client") || says("Subject: O = Example, CN = client"));
  }
}

}  // namespace
}  // namespace kit::net

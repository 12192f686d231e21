// SPDX-License-Identifier: Apache-2.0
// A server that says nothing, nonsense or has no TLS: a typed error in time.
#include "hostile_server.hpp"
#include "mysql_support.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;

/// A greeting of MariaDB 10.11 that offers TLS or not.
std::string greeting(bool has_tls) {
  std::string body =
      "\x0a"
      "10.11.0-MariaDB";
  body += std::string("\0\7\0\0\0", 5) + "12345678" + std::string(1, '\0');
  const unsigned capabilities = 0xf7fe & ~(has_tls ? 0u : 0x0800u);
  body.push_back(static_cast<char>(capabilities & 0xff));
  body.push_back(static_cast<char>(capabilities >> 8));
  body += std::string("\x2d\2\0", 3) + std::string("\xff\x81\x15", 3) + std::string(10, '\0');
  body += "123456789012" + std::string(1, '\0') + "mysql_native_password" + std::string(1, '\0');
  std::string packet(1, static_cast<char>(body.size()));
  return packet + std::string(3, '\0') + body;
}

class HostileMysqlTest : public MysqlTest {
 protected:
  /// How the first statement fails, which has to be within its deadline.
  Error failure(HostileServer::Behaviour behaviour, const std::string& parameters = "") {
    const HostileServer server(std::move(behaviour));
    auto database = open([&](auto& options) {
      options.dsn = Secret<std::string>("mysql://kit:x@127.0.0.1:" + std::to_string(server.port()) +
                                        "/a" + parameters);
      options.connect_timeout = 1s;
    });
    const auto begun = Clock::now();
    const auto done = run(with_deadline(3s, text(*database, "SELECT 1")));
    EXPECT_LT(Clock::now() - begun, 4s);
    if (done.ok()) return Error(Code::ok, "it was answered");
    return done.error().clone();
  }
};

void listen_only(int connection) {
  while (!HostileServer::receive(connection).empty()) continue;
}

TEST_F(HostileMysqlTest, NobodyIsWaitedFor) {
  EXPECT_EQ(failure(listen_only).code(), Code::unavailable);
  const Error later = failure([](int connection) {
    HostileServer::send(connection, greeting(false));
    listen_only(connection);
  });
  EXPECT_THAT(later.code(), ::testing::AnyOf(Code::unavailable, Code::deadline_exceeded))
      << later.describe();
}

TEST_F(HostileMysqlTest, AServerWithoutTlsIsRefused) {
  for (const char* mode : {"?sslmode=require", "?sslmode=verify-full"}) {
    std::string seen;
    const Error error = failure(
        [&seen](int connection) {
          HostileServer::send(connection, greeting(false));
          seen = HostileServer::receive(connection);
          HostileServer::send(connection, std::string("\7\0\0\2\0\0\0\2\0\0\0", 11));
          listen_only(connection);
        },
        mode);
    EXPECT_EQ(error.code(), Code::unavailable) << error.describe();
  }
}

TEST_F(HostileMysqlTest, NonsenseWhileConnecting) {
  for (const std::string& nonsense :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string(100'000, '\xff'),
        std::string(64, '\0'), std::string("\xff\xff\xff\0\x0a", 5) + std::string(1'000'000, 'x'),
        std::string("\5\0\0\0\xff\1\1no", 9), greeting(false) + std::string(100'000, '\xff')}) {
    const Error error = failure([&nonsense](int connection) {
      HostileServer::send(connection, nonsense);
      HostileServer::receive(connection);
    });
    EXPECT_THAT(error.code(), ::testing::AnyOf(Code::unavailable, Code::deadline_exceeded))
        << error.describe();
  }
}

}  // namespace
}  // namespace kit::tests

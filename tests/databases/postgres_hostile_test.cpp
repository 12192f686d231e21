// SPDX-License-Identifier: Apache-2.0
// A server that says nothing, nonsense or too much: a typed error in time, and no more memory than
// was allowed.
#include <sys/socket.h>

#include <atomic>

#include "hostile_server.hpp"
#include "postgres_support.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

std::string message(char type, std::string_view body) {
  return std::string(1, type) + big_endian(static_cast<std::uint32_t>(body.size()) + 4) +
         std::string(body);
}

std::string setting_of_server(std::string_view name, std::string_view value) {
  return message('S', std::string(name) + '\0' + std::string(value) + '\0');
}

/// The log-in of a primary that trusts everybody, up to the first statement; false: the peer left.
bool welcome(int connection) {
  std::string hello = message('R', big_endian(0));
  hello += setting_of_server("server_version", "15.0");
  hello += setting_of_server("client_encoding", "UTF8");
  hello += setting_of_server("in_hot_standby", "off");
  hello += setting_of_server("default_transaction_read_only", "off");
  hello += message('K', big_endian(7) + big_endian(7));
  hello += message('Z', "I");
  return !HostileServer::receive(connection).empty() && HostileServer::send(connection, hello);
}

/// What follows the set-up of the session, and the first statement.
using Answer = std::function<void(int connection)>;

HostileServer::Behaviour after_log_in(Answer answer) {
  return [answer = std::move(answer)](int connection) {
    const std::string done = message('C', std::string_view("SET\0", 4));
    if (!welcome(connection) || HostileServer::receive(connection).empty()) return;
    if (!HostileServer::send(connection, done + done + done + message('Z', "I"))) return;
    if (HostileServer::receive(connection).empty()) return;
    answer(connection);
    while (!HostileServer::receive(connection).empty()) continue;
  };
}

class HostileTest : public PostgresTest {
 protected:
  static PostgresOptions at(const HostileServer& server) {
    PostgresOptions options;
    options.dsn = "postgresql://kit@127.0.0.1:" + std::to_string(server.port()) + "/a";
    options.connect_timeout = 2s;
    options.cancel_limit = 300ms;
    options.most_answer_bytes = 16 * 1024 * 1024;
    return options;
  }
  /// How the first statement fails, which has to be within its deadline.
  static Error failure(Answer answer, bool streams = false) {
    const HostileServer server(after_log_in(std::move(answer)));
    const auto database = open(at(server));
    const auto begun = Clock::now();
    auto streamed = [](db::Database& where) -> Task<std::string> {
      auto transaction = co_await where.begin_read();
      co_return co_await text(*transaction, "SELECT 1");
    };
    auto done = streams ? run(with_deadline(3s, streamed(*database)))
                        : run(with_deadline(3s, text(*database, "SELECT 1")));
    EXPECT_LT(Clock::now() - begun, 4s);
    if (done.ok()) return Error(Code::ok, "it was answered: " + *done);
    return std::move(done).error();
  }
};

TEST_F(HostileTest, NobodyIsWaitedForWhileConnecting) {
  const HostileServer silent([](int connection) {
    while (!HostileServer::receive(connection).empty()) continue;
  });
  const HostileServer mute_after_log_in([](int connection) {
    if (!welcome(connection)) return;
    while (!HostileServer::receive(connection).empty()) continue;
  });
  for (const HostileServer* server : {&silent, &mute_after_log_in}) {
    const auto begun = Clock::now();
    const auto opened = postgres::open(at(*server));
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().reason(), "DATABASE_UNAVAILABLE");
    EXPECT_LT(Clock::now() - begun, 5s);
  }
}

TEST_F(HostileTest, AServerWithoutTlsIsRefused) {
  const HostileServer plain([](int connection) {
    HostileServer::receive(connection);
    HostileServer::send(connection, "N");
    welcome(connection);
    while (!HostileServer::receive(connection).empty()) continue;
  });
  for (const char* mode : {"require", "verify-ca", "verify-full"}) {
    PostgresOptions wanted = at(plain);
    wanted.dsn += std::string("?sslmode=") + mode;
    if (std::string_view(mode) != "require") wanted.dsn += "&sslrootcert=" + setting("KIT_TEST_CA");
    const auto opened = postgres::open(wanted);
    ASSERT_FALSE(opened.ok()) << mode;
    EXPECT_THAT(opened.error().describe(), HasSubstr("SSL")) << mode;
  }
}

TEST_F(HostileTest, NonsenseWhileConnecting) {
  for (const std::string& nonsense :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string(100'000, '\xff'),
        std::string(64, '\0'), message('R', big_endian(9'999)),
        std::string("R") + big_endian(0x7fff'ffff), message('E', "S"),
        std::string("E") + big_endian(0x7fff'ffff) + std::string(1'000'000, 'x')}) {
    const HostileServer server([&nonsense](int connection) {
      HostileServer::receive(connection);
      HostileServer::send(connection, nonsense);
    });
    const auto opened = postgres::open(at(server));
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code(), Code::unavailable) << opened.error().describe();
  }
}

TEST_F(HostileTest, NoAnswerEndsAtTheDeadline) {
  EXPECT_EQ(failure([](int) {}).code(), Code::deadline_exceeded);
}

TEST_F(HostileTest, NonsenseInsteadOfAnAnswer) {
  const std::string bound = message('1', "") + message('2', "");
  for (const std::string& nonsense :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string(100'000, '\xff'),
        std::string(100'000, '\0'), bound + message('T', std::string(2, '\xff')),
        bound + message('T', std::string(2, '\x7f') + "x"), bound + message('D', "\x7f\xff"),
        bound + message('G', std::string(3, '\0')), bound + message('H', std::string(3, '\0')),
        message('E', ""), message('E', "Sno end"), std::string("Z") + big_endian(3),
        std::string("D") + big_endian(0xffff'ffff)}) {
    const Error error = failure([&](int connection) {
      HostileServer::send(connection, nonsense);
      ::shutdown(connection, SHUT_WR);  // no more of it
    });
    EXPECT_THAT(error.code(),
                ::testing::AnyOf(Code::unavailable, Code::deadline_exceeded, Code::internal))
        << error.describe();
  }
}

/// Sends what never ends until the peer has enough.
void flood(int connection, const std::string& head, std::atomic<std::int64_t>& sent) {
  const std::string part(256 * 1024, 'x');
  if (!HostileServer::send(connection, head)) return;
  while (HostileServer::send(connection, part)) sent += static_cast<std::int64_t>(part.size());
}

TEST_F(HostileTest, ARowWithoutAnEndIsGivenUp) {
  const std::string row_of_one_text =
      message('1', "") + message('2', "") +
      message('T', std::string("\0\1a\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\1", 22));
  for (const bool streams : {false, true}) {
    std::atomic<std::int64_t> sent{0};
    const Error error = failure(
        [&](int connection) {
          if (streams) {
            HostileServer::send(connection, message('1', "") + message('2', "") + message('n', "") +
                                                message('C', std::string_view("BEGIN\0", 6)) +
                                                message('Z', "T"));
            HostileServer::receive(connection);
          }
          flood(connection,
                row_of_one_text + "D" + big_endian(0x3fff'ffff) +
                    std::string("\0\1\x3f\xff\xff\xf0", 6),
                sent);
        },
        streams);
    EXPECT_THAT(error.reason(), ::testing::AnyOf("ANSWER_TOO_LARGE", "DATABASE_UNAVAILABLE"))
        << error.describe();
    // Not to its end: libpq reads as long as something is there, and is looked at when it pauses.
    EXPECT_LT(sent.load(), 0x3fff'ffff);
  }
}

TEST_F(HostileTest, TalkThatNobodyAskedForDoesNotGather) {
  const std::string notice = message(
      'N', std::string("SNOTICE\0C00000\0M", 16) + std::string(1'000, 'x') + std::string(2, '\0'));
  std::atomic<bool> is_sent{false};
  const HostileServer server(after_log_in([&](int connection) {
    HostileServer::send(connection, message('1', "") + message('2', "") + message('n', "") +
                                        message('C', std::string_view("SELECT 0\0", 9)) +
                                        message('Z', "I"));
    for (int i = 0; i < 50'000; ++i) HostileServer::send(connection, notice);
    is_sent = true;
  }));
  const auto database = open(at(server));
  auto wait = [](db::Database& where, std::atomic<bool>& sent) -> Task<> {
    co_await text(where, "SELECT 1");
    const auto end = Clock::now() + 10s;
    while (!sent && Clock::now() < end) co_await sleep_for(10ms);
    EXPECT_TRUE(sent);  // 50 MB: they were read, or it would wait still
  };
  const auto done = run(wait(*database, is_sent));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

}  // namespace
}  // namespace kit::tests

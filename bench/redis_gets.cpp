// SPDX-License-Identifier: Apache-2.0
// GETs on Redis from one thread: 64 tasks of kit, and a socket with 64 commands on their way whose
// answers are only counted. bench_redis_gets HOST PORT [SECONDS]; rounds are interleaved.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kit/adapters/redis/redis.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"

namespace {

using kit::Clock;

constexpr int keys = 10'000;
constexpr int tasks = 64;
constexpr std::string_view value = "0123456789012345678901234567890123456789";  // 40 bytes

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

std::string next_key() {
  static unsigned state = 1;
  state = state * 1'664'525 + 1'013'904'223;
  return "bench:" + std::to_string(state % keys);
}

class Socket {
 public:
  Socket(const char* host, int port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::inet_pton(AF_INET, host, &address.sin_addr) != 1) fail("not an address");
    const auto* any = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(descriptor_, any, sizeof address) != 0) fail("cannot connect");
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Socket() { ::close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void write(std::string_view bytes) const {
    if (::write(descriptor_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
      fail("cannot write");
  }
  std::size_t read(std::array<char, 65'536>& buffer) const {
    const ssize_t count = ::read(descriptor_, buffer.data(), buffer.size());
    if (count <= 0) fail("cannot read");
    return static_cast<std::size_t>(count);
  }

 private:
  int descriptor_;
};

/// As many commands are sent as answers came, which are all of one length.
double pipelined(const Socket& socket, Clock::duration length) {
  constexpr std::size_t answer_size = value.size() + 7;  // $40, the value, two ends of lines
  std::array<char, 65'536> buffer;
  const auto begun = Clock::now();
  std::size_t answers = 0, under_way = 0, bytes = 0;
  std::string out;
  while (true) {
    const bool goes_on = Clock::now() - begun < length;
    out.clear();
    for (; goes_on && under_way < tasks; ++under_way) {
      const std::string key = next_key();
      out += "*2\r\n$3\r\nGET\r\n$" + std::to_string(key.size()) + "\r\n" + key + "\r\n";
    }
    if (under_way == 0) break;
    if (!out.empty()) socket.write(out);
    bytes += socket.read(buffer);
    answers += bytes / answer_size;
    under_way -= bytes / answer_size;
    bytes %= answer_size;
  }
  return static_cast<double>(answers) / std::chrono::duration<double>(Clock::now() - begun).count();
}

kit::Task<> read(kit::redis::Client& client, Clock::time_point end, long& count) {
  while (Clock::now() < end) {
    const std::string key = next_key();
    const std::optional<std::string> found = co_await client.get(key);
    if (!found || found->size() != value.size()) fail("no value");
    ++count;
  }
}

kit::Task<> read_side_by_side(kit::redis::Client& client, Clock::time_point end, long& count) {
  kit::TaskGroup group("reads");
  for (int i = 0; i < tasks; ++i) group.spawn(read(client, end, count));
  co_await group.join();
}

double with_kit(kit::Loop& loop, kit::redis::Client& client, Clock::duration length) {
  const auto begun = Clock::now();
  long count = 0;
  const auto done = kit::run(loop, read_side_by_side(client, begun + length, count));
  if (!done.ok()) fail(done.error().describe().c_str());
  return static_cast<double>(count) / std::chrono::duration<double>(Clock::now() - begun).count();
}

kit::Task<> fill(kit::redis::Client& client) {
  for (int i = 0; i < keys; ++i) {
    const std::string key = "bench:" + std::to_string(i);
    co_await client.set(key, value);
  }
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) fail("usage: bench_redis_gets HOST PORT [SECONDS]");
  const auto length = std::chrono::seconds(argc > 3 ? std::atoi(argv[3]) : 1);
  const auto loop = kit::make_epoll_loop().value();
  kit::redis::RedisOptions options;
  options.dsn =
      kit::Secret<std::string>("redis://" + std::string(argv[1]) + ":" + std::string(argv[2]));
  options.connections_per_node = 1;  // as the pipeline it is compared with
  auto client = kit::redis::open(std::move(options));
  if (!client.ok()) fail(client.error().describe().c_str());
  if (const auto filled = kit::run(*loop, fill(**client)); !filled.ok())
    fail(filled.error().describe().c_str());
  const Socket socket(argv[1], std::atoi(argv[2]));
  std::vector<double> direct, kits;
  for (int round = 0; round < 5; ++round) {
    direct.push_back(pipelined(socket, length));
    kits.push_back(with_kit(*loop, **client, length));
  }
  std::printf("pipeline %.0f/s, kit %.0f/s: %.2fx of the pipeline\n", median(direct), median(kits),
              median(kits) / median(direct));
}

// SPDX-License-Identifier: Apache-2.0
// A closed loop of requests on keep-alive connections, each with one request in flight. Prints one
// line of JSON.
//
//   load PORT PATH CONNECTIONS SECONDS [FIELD]
//
// SECONDS may be "=N": exactly N requests, for counting instructions. FIELD is a header field of
// each request: "Authorization: Bearer ...".
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <vector>

#include "bench/client.hpp"

namespace {

struct Connection {
  int socket = -1;
  double sent_at = 0;
  std::string received;
};

/// How long answers took, in buckets of one microsecond.
class Latencies {
 public:
  void add(double seconds) {
    ++buckets_[static_cast<std::size_t>(std::clamp(seconds * 1e6, 0.0, most))];
    ++count_;
  }
  std::size_t quantile(double part) const {
    std::size_t seen = 0;
    for (std::size_t us = 0; us < buckets_.size(); ++us) {
      seen += buckets_[us];
      if (static_cast<double>(seen) >= part * static_cast<double>(count_)) return us;
    }
    return buckets_.size();
  }

 private:
  static constexpr double most = 2e6;
  std::vector<std::uint32_t> buckets_ =
      std::vector<std::uint32_t>(static_cast<std::size_t>(most) + 1);
  std::size_t count_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) {
    std::fputs("usage: load PORT PATH CONNECTIONS SECONDS|=REQUESTS [FIELD]\n", stderr);
    return 2;
  }
  const int port = std::atoi(argv[1]);
  const std::string request = bench::request_for(argv[2], argc == 6 ? argv[5] : "");
  const auto count = static_cast<std::size_t>(std::atoi(argv[3]));
  const bool counted = argv[4][0] == '=';
  const std::size_t wanted = counted ? std::strtoul(argv[4] + 1, nullptr, 10) : SIZE_MAX;
  const double limit = counted ? 600 : std::atof(argv[4]);

  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections(count);
  for (Connection& connection : connections) {
    connection.socket = bench::connect_to(port);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    epoll_ctl(epoll, EPOLL_CTL_ADD, connection.socket, &event);
  }

  Latencies latencies;
  std::size_t sent = 0, done = 0, other = 0, broken = 0;
  const double start = bench::seconds_now();
  double now = start;
  const auto send_one = [&](Connection& connection) {
    if (sent == wanted) return;
    ++sent;
    connection.sent_at = now;
    if (send(connection.socket, request.data(), request.size(), MSG_NOSIGNAL) < 0) ++broken;
  };
  for (Connection& connection : connections) send_one(connection);

  std::array<epoll_event, 512> events{};
  static std::array<char, 262144> buffer;
  while (done + broken < wanted && (now = bench::seconds_now()) - start < limit) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 100);
    now = bench::seconds_now();
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<Connection*>(events.at(static_cast<std::size_t>(i)).data.ptr);
      const ssize_t got = recv(connection.socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0) {  // the server ended it: a limit of requests per connection, or a fault
        ++broken;
        epoll_ctl(epoll, EPOLL_CTL_DEL, connection.socket, nullptr);
        continue;
      }
      std::string_view data(buffer.data(), static_cast<std::size_t>(got));
      if (!connection.received.empty()) data = connection.received.append(data);
      const bench::Answer answer = bench::first_answer(data);
      if (answer.bytes == 0) {
        connection.received = std::string(data);
        continue;
      }
      if (answer.status < 200 || answer.status > 299) ++other;
      ++done;
      latencies.add(now - connection.sent_at);
      connection.received.clear();
      send_one(connection);
    }
  }
  const double elapsed = bench::seconds_now() - start;
  std::printf(
      "{\"requests\": %zu, \"rps\": %.0f, \"p50_us\": %zu, \"p99_us\": %zu, \"not_2xx\": %zu, "
      "\"broken\": %zu}\n",
      done, static_cast<double>(done) / elapsed, latencies.quantile(0.5), latencies.quantile(0.99),
      other, broken);
  return broken == 0 && other == 0 ? 0 : 1;
}

// SPDX-License-Identifier: Apache-2.0
// The parties of a siege. Each prints one line of JSON when its time is over.
//
//   kit_siege honest PORT SECONDS RATE: requests a second, each at its time
//   kit_siege slowloris PORT SECONDS COUNT: connections that drip a header
//   kit_siege mute PORT SECONDS COUNT: connections that ask for a lot and never read
//   kit_siege garbage PORT SECONDS RATE: connections a second that send what is no HTTP
#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <utility>
#include <vector>

#include "bench/client.hpp"

namespace {

constexpr int sources = 60;  // 127.0.0.2 and so on: what one address may do is not what is tried

/// A connection that is being made, or -1. Never waits. `window`: how much it takes without being
/// read, 0: as much as the system likes, which is megabytes.
int begin_connect(int port, int source, int window = 0) {
  const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made < 0) return -1;
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + static_cast<std::uint32_t>(source));
  setsockopt(made, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (window != 0) setsockopt(made, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
  bool good = bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  good = good && (connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
                  errno == EINPROGRESS);
  if (good) return made;
  close(made);
  return -1;
}

/// Gone at once, without the minute of TIME_WAIT that would use up the ports.
void abort_connection(int connection) {
  const linger at_once{1, 0};
  setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(connection);
}

bool send_all(int connection, std::string_view bytes) {
  return send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

class Epoll {
 public:
  void watch(int descriptor, std::size_t index, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.u64 = index;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
  }
  /// Calls `handle(index, events)` for what is ready within `ms`.
  template <class Handle>
  void wait(int ms, Handle handle) {
    std::array<epoll_event, 256> events;
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), ms);
    for (int i = 0; i < count; ++i) {
      handle(static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64),
             events[static_cast<std::size_t>(i)].events);
    }
  }

 private:
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
};

struct Visitor {
  int socket = -1;
  bool busy = false;
  bool sent = false;
  double due = 0;  // when the request should have been sent: waiting for a connection counts
  std::string received;
};

class Honest {
 public:
  Honest(int port, double rate) : port_(port), rate_(rate), request_(bench::request_for("/")) {}

  void live(double seconds) {
    const double start = bench::seconds_now();
    std::size_t begun = 0;
    for (double now = start; now < start + seconds + patience; now = bench::seconds_now()) {
      for (; now < start + seconds && now >= start + static_cast<double>(begun) / rate_; ++begun) {
        begin(start + static_cast<double>(begun) / rate_);
      }
      if (now >= start + seconds && answered_.size() + errors_ >= begun) break;
      epoll_.wait(1, [&](std::size_t index, std::uint32_t) { proceed(visitors_[index]); });
      for (Visitor& visitor : visitors_) {
        if (visitor.busy && now - visitor.due > patience) fail(visitor);
      }
    }
    for (Visitor& visitor : visitors_) {
      if (visitor.busy) fail(visitor);
    }
    report(begun);
  }

 private:
  static constexpr double patience = 10;

  void begin(double due) {
    auto free = std::ranges::find_if(visitors_, [](const Visitor& one) { return !one.busy; });
    if (free == visitors_.end()) free = visitors_.insert(free, Visitor());
    Visitor& visitor = *free;
    visitor.busy = true;
    visitor.sent = false;
    visitor.due = due;
    visitor.received.clear();
    if (visitor.socket < 0) {
      const auto index = static_cast<std::size_t>(free - visitors_.begin());
      visitor.socket = begin_connect(port_, static_cast<int>(index % sources));
      if (visitor.socket < 0) return fail(visitor);
      epoll_.watch(visitor.socket, index, EPOLLIN | EPOLLOUT | EPOLLET);
      return;
    }
    proceed(visitor);
  }

  void proceed(Visitor& visitor) {
    if (!visitor.busy) {  // an idle connection ended: the next request makes a new one
      char byte = 0;
      if (visitor.socket >= 0 && recv(visitor.socket, &byte, 1, MSG_PEEK) == 0) end(visitor);
      return;
    }
    if (!visitor.sent) {
      if (send_all(visitor.socket, request_)) {
        visitor.sent = true;
      } else if (errno != EAGAIN && errno != ENOTCONN) {
        return fail(visitor);
      }
    }
    char buffer[4096];
    while (true) {
      const ssize_t got = recv(visitor.socket, buffer, sizeof buffer, 0);
      if (got < 0 && (errno == EAGAIN || errno == ENOTCONN)) return;
      if (got <= 0) return fail(visitor);
      visitor.received.append(buffer, static_cast<std::size_t>(got));
      const bench::Answer answer = bench::first_answer(visitor.received);
      if (answer.bytes == 0) continue;
      if (answer.status != 200) return fail(visitor);
      answered_.push_back(bench::seconds_now() - visitor.due);
      visitor.busy = false;
      if (visitor.received.find("Connection: close") != std::string::npos) end(visitor);
      return;
    }
  }

  void fail(Visitor& visitor) {
    ++errors_;
    visitor.busy = false;
    end(visitor);
  }
  static void end(Visitor& visitor) {
    if (visitor.socket >= 0) close(std::exchange(visitor.socket, -1));
  }

  void report(std::size_t begun) {
    std::ranges::sort(answered_);
    const auto quantile = [&](double part) {
      if (answered_.empty()) return 0.0;
      const auto at = static_cast<std::size_t>(part * static_cast<double>(answered_.size()));
      return answered_[std::min(at, answered_.size() - 1)] * 1000;
    };
    std::printf(
        "{\"requests\": %zu, \"answered\": %zu, \"errors\": %zu, \"p50_ms\": %.3f, \"p99_ms\": "
        "%.3f, \"most_ms\": %.3f}\n",
        begun, answered_.size(), errors_, quantile(0.5), quantile(0.99), quantile(1));
  }

  int port_;
  double rate_;
  std::string request_;
  Epoll epoll_;
  std::vector<Visitor> visitors_;
  std::vector<double> answered_;
  std::size_t errors_ = 0;
};

/// Keeps `count` connections; `speak` is called for each once when it is made and then every
/// second.
template <class Speak>
void occupy(int port, double seconds, std::size_t count, Speak speak) {
  std::vector<int> connections(count, -1);
  std::size_t made = 0, ended = 0;
  const double end = bench::seconds_now() + seconds;
  for (std::size_t turn = 0; bench::seconds_now() < end; ++turn) {
    for (std::size_t i = 0; i < count; ++i) {
      int& connection = connections[i];
      const bool fresh = connection < 0;
      if (fresh) {
        // A small window is what makes the server keep what is not read.
        connection = begin_connect(port, static_cast<int>(i % sources), 4096);
        if (connection < 0) continue;
        ++made;
      } else if (!speak(connection, turn)) {
        ++ended;
        abort_connection(std::exchange(connection, -1));
      }
    }
    poll(nullptr, 0, 200);
  }
  for (const int connection : connections) {
    if (connection >= 0) abort_connection(connection);
  }
  std::printf("{\"connections\": %zu, \"ended_by_server\": %zu}\n", made, ended);
}

bool is_open(int connection) {
  char byte = 0;
  const ssize_t got = recv(connection, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == ENOTCONN));
}

bool drip(int connection, std::size_t turn) {
  // An answer that came is a 408: the server has had enough.
  char byte = 0;
  if (recv(connection, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0) return false;
  if (errno != EAGAIN && errno != ENOTCONN) return false;
  constexpr std::string_view start = "GET / HTTP/1.1\r\nX-Slow: ";
  const std::string_view bytes =
      turn < start.size() ? start.substr(turn, 1) : std::string_view("a");
  return send_all(connection, bytes) || errno == EAGAIN || errno == ENOTCONN;
}

bool ask_for_much(int connection, std::size_t) {
  constexpr std::string_view request = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
  if (!is_open(connection)) return false;
  return send_all(connection, request) || errno == EAGAIN || errno == ENOTCONN;
}

void garbage(int port, double seconds, double rate) {
  constexpr std::array<std::string_view, 8> rubbish = {
      "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
      "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
      "GET / HTTP/1.1\n\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
      "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
      "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
      "",
  };
  std::mt19937 random(1);
  std::vector<int> open;
  std::size_t made = 0;
  const double start = bench::seconds_now();
  for (double now = start; now < start + seconds; now = bench::seconds_now()) {
    // What was begun in the turn before is connected by now.
    for (const int connection : open) {
      std::string noise(rubbish[random() % rubbish.size()]);
      for (std::size_t extra = random() % 64; extra > 0; --extra) {
        noise += static_cast<char>(random() & 0xff);
      }
      send_all(connection, noise);
      random() % 2 == 0 ? abort_connection(connection) : void(close(connection));
    }
    open.clear();
    for (; now >= start + static_cast<double>(made) / rate; ++made) {
      const int connection = begin_connect(port, static_cast<int>(made % sources));
      if (connection >= 0) open.push_back(connection);
    }
    poll(nullptr, 0, 10);
  }
  for (const int connection : open) close(connection);
  std::printf("{\"connections\": %zu}\n", made);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: kit_siege honest|slowloris|mute|garbage PORT SECONDS COUNT|RATE\n", stderr);
    return 2;
  }
  const std::string_view party = argv[1];
  const int port = std::atoi(argv[2]);
  const double seconds = std::atof(argv[3]);
  const auto count = static_cast<std::size_t>(std::atoi(argv[4]));
  if (party == "honest") {
    Honest(port, static_cast<double>(count)).live(seconds);
  } else if (party == "slowloris") {
    occupy(port, seconds, count, drip);
  } else if (party == "mute") {
    occupy(port, seconds, count, ask_for_much);
  } else if (party == "garbage") {
    garbage(port, seconds, static_cast<double>(count));
  } else {
    return 2;
  }
  return 0;
}

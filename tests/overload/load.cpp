// SPDX-License-Identifier: Apache-2.0
// Sends requests at a rate, whether or not they are answered, over as many keep-alive connections
// as that takes. How long an answer took counts from when its request was meant to be sent.
// Prints one line of JSON.
//
//   load PORT RATE SECONDS CONNECTIONS    # RATE 0: a closed loop, as fast as answers come
//
// Every 20th request asks for /healthz, the others for /work.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::int64_t now_ns() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Planned {
  std::int64_t at = 0;
  bool probe = false;
};

struct Connection {
  int socket = -1;
  bool busy = false;
  Planned sent;
  std::string received;
};

double quantile_ms(std::vector<std::int64_t>& times, double part) {
  if (times.empty()) return 0;
  const auto place = static_cast<std::size_t>(part * static_cast<double>(times.size() - 1));
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(place));
  return static_cast<double>(times[place]) / 1e6;
}

class Load {
 public:
  Load(int port, double rate, double seconds, std::size_t connections)
      : port_(port), rate_(rate), connections_(connections) {
    start_ = now_ns();
    end_ = start_ + static_cast<std::int64_t>(seconds * 1e9);
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    for (Connection& connection : connections_) {
      open(connection);
      idle_.push_back(&connection);
    }
  }

  int run() {
    std::int64_t next = start_;
    const std::int64_t grace = 10'000'000'000;
    while (true) {
      const std::int64_t now = now_ns();
      for (; rate_ > 0 && next <= now && next < end_; next += gap()) plan(next);
      for (; rate_ == 0 && now < end_ && waiting_.size() < idle_.size();) plan(now);
      send_waiting();
      const bool over = now >= end_;
      if (over && (idle_.size() == connections_.size() || now > end_ + grace)) break;
      wait(rate_ > 0 && !over ? std::max<std::int64_t>(next - now, 0) : 1'000'000);
    }
    return print();
  }

 private:
  std::int64_t gap() {
    return static_cast<std::int64_t>(std::exponential_distribution<double>(rate_ / 1e9)(random_));
  }
  void plan(std::int64_t at) { waiting_.push_back({at, ++planned_ % 20 == 0}); }

  void open(Connection& connection) {
    connection.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port_));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(connection.socket, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) {
      std::fprintf(stderr, "connecting to port %d: %s\n", port_, std::strerror(errno));
      std::exit(1);
    }
    const int on = 1;
    ::setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket, &event);
  }

  void send_waiting() {
    static constexpr std::string_view work = "GET /work HTTP/1.1\r\nHost: a\r\n\r\n";
    static constexpr std::string_view probe = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    while (!waiting_.empty() && !idle_.empty()) {
      Connection& connection = *idle_.back();
      idle_.pop_back();
      connection.busy = true;
      connection.sent = waiting_.front();
      waiting_.pop_front();
      const std::string_view text = connection.sent.probe ? probe : work;
      if (::send(connection.socket, text.data(), text.size(), MSG_NOSIGNAL) < 0) lose(connection);
    }
  }

  void wait(std::int64_t ns) {
    std::array<epoll_event, 256> events;
    const timespec timeout{ns / 1'000'000'000, ns % 1'000'000'000};
    const int count =
        ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    for (int i = 0; i < count; ++i)
      read(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
  }

  void read(Connection& connection) {
    std::array<char, 4096> bytes;
    const ssize_t got = ::recv(connection.socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got <= 0) {
      if (got < 0 && errno == EAGAIN) return;
      return lose(connection);
    }
    connection.received.append(bytes.data(), static_cast<std::size_t>(got));
    const std::string& text = connection.received;
    const std::size_t head = text.find("\r\n\r\n");
    const std::size_t length = text.find("Content-Length: ");
    if (head == std::string::npos || length == std::string::npos) return;
    const std::size_t body = std::strtoul(text.c_str() + length + 16, nullptr, 10);
    if (text.size() < head + 4 + body) return;
    finish(connection, std::string_view(text).substr(0, head));
    connection.received.clear();
    connection.busy = false;
    idle_.push_back(&connection);
  }

  void finish(const Connection& connection, std::string_view head) {
    const std::int64_t now = now_ns();
    const std::int64_t took = now - connection.sent.at;
    const int status = std::atoi(head.substr(9, 3).data());
    if (status == 200) {
      if (!connection.sent.probe && now <= end_) ++in_time_;
      (connection.sent.probe ? probes_ : answered_).push_back(took);
    } else if (status == 503 && head.find("Retry-After: ") != std::string_view::npos) {
      if (connection.sent.probe) ++refused_probes_;
      refused_.push_back(took);
    } else {
      ++other_;
    }
  }

  void lose(Connection& connection) {
    ++lost_;
    ::close(connection.socket);
    connection.received.clear();
    connection.busy = false;
    open(connection);
    idle_.push_back(&connection);
  }

  int print() {
    const double seconds = static_cast<double>(end_ - start_) / 1e9;
    const std::size_t unanswered = waiting_.size() + connections_.size() - idle_.size();
    std::printf(
        "{\"planned\": %zu, \"answered\": %zu, \"rate\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
        "\"refused\": %zu, \"refused_p99_ms\": %.3f, \"probes\": %zu, \"refused_probes\": %zu, "
        "\"probe_p99_ms\": %.3f, \"other\": %zu, \"lost\": %zu, \"unanswered\": %zu}\n",
        planned_, answered_.size(), static_cast<double>(in_time_) / seconds,
        quantile_ms(answered_, 0.5), quantile_ms(answered_, 0.99), refused_.size(),
        quantile_ms(refused_, 0.99), probes_.size(), refused_probes_, quantile_ms(probes_, 0.99),
        other_, lost_, unanswered);
    return 0;
  }

  int port_;
  double rate_;
  std::vector<Connection> connections_;
  std::vector<Connection*> idle_;
  std::deque<Planned> waiting_;
  std::int64_t start_ = 0, end_ = 0;
  int epoll_ = -1;
  std::mt19937_64 random_{1};
  std::size_t in_time_ = 0;  // answered before the end
  std::size_t planned_ = 0, other_ = 0, lost_ = 0, refused_probes_ = 0;
  std::vector<std::int64_t> answered_, refused_, probes_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: load PORT RATE SECONDS CONNECTIONS\n", stderr);
    return 2;
  }
  Load load(std::atoi(argv[1]), std::atof(argv[2]), std::atof(argv[3]),
            std::strtoul(argv[4], nullptr, 10));
  return load.run();
}

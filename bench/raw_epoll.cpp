// SPDX-License-Identifier: Apache-2.0
// The limit the others are measured against: one epoll loop that looks for the end of a request and
// answers a fixed body. It has no router, limits or timeouts and must never face a network.
//
//   raw_epoll PORT
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view body =
    R"({"id":42,"name":"user-42","email":"user-42@example.com","status":"active"})";

struct Connection {
  int socket = -1;
  std::string unfinished;
};

int listen_on(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 4096) != 0) {
    std::perror("raw_epoll: listen");
    std::exit(1);
  }
  return listener;
}

void watch(int epoll, int descriptor, void* owner) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = owner;
  epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

/// The head of every answer; the date changes once a second.
class Head {
 public:
  std::string_view now() {
    timespec clock{};
    clock_gettime(CLOCK_REALTIME_COARSE, &clock);
    if (clock.tv_sec != second_) {
      second_ = clock.tv_sec;
      std::tm parts{};
      gmtime_r(&second_, &parts);
      std::array<char, 32> date{};
      std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
      text_ =
          "HTTP/1.1 200 OK\r\nDate: " + std::string(date.data()) +
          "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
          "\r\n\r\n";
    }
    return text_;
  }

 private:
  std::time_t second_ = 0;
  std::string text_;
};

/// Answers every whole request that has come. False when the connection is over.
bool serve(Connection& connection, Head& head, std::string& out) {
  static std::array<char, 65536> buffer;
  const ssize_t got = recv(connection.socket, buffer.data(), buffer.size(), 0);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  std::string_view data(buffer.data(), static_cast<std::size_t>(got));
  if (!connection.unfinished.empty()) data = connection.unfinished.append(data);
  out.clear();
  for (std::size_t end; (end = data.find("\r\n\r\n")) != std::string_view::npos;) {
    data.remove_prefix(end + 4);
    out.append(head.now()).append(body);
  }
  connection.unfinished = std::string(data);
  return out.empty() || send(connection.socket, out.data(), out.size(), MSG_NOSIGNAL) ==
                            static_cast<ssize_t>(out.size());
}

}  // namespace

int main(int argc, char** argv) {
  const int listener = listen_on(argc > 1 ? std::atoi(argv[1]) : 18080);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener, nullptr);
  std::array<epoll_event, 512> events{};
  Head head;
  std::string out;
  for (;;) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      auto* connection = static_cast<Connection*>(events.at(static_cast<std::size_t>(i)).data.ptr);
      if (connection == nullptr) {
        for (int made;
             (made = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
          const int on = 1;
          setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          watch(epoll, made, std::make_unique<Connection>(Connection{made, {}}).release());
        }
      } else if (!serve(*connection, head, out)) {
        close(connection->socket);
        delete connection;
      }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "hostile_server.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <thread>
#include <vector>

#include "kit/base/assert.hpp"

namespace kit::tests {

struct HostileServer::State {
  Behaviour behaviour;
  int listener = -1;
  int port = 0;
  std::mutex mutex;
  std::vector<int> connections;
  std::vector<std::thread> threads;  // the first one accepts
  bool ended = false;

  void accept_all() {
    while (true) {
      const int connection = ::accept(listener, nullptr, nullptr);
      const std::lock_guard lock(mutex);
      if (ended || connection < 0) {
        if (connection >= 0) ::close(connection);
        return;
      }
      connections.push_back(connection);
      threads.emplace_back([this, connection] {
        behaviour(connection);
        ::shutdown(connection, SHUT_RDWR);
      });
    }
  }
};

HostileServer::HostileServer(Behaviour behaviour) : state_(std::make_unique<State>()) {
  state_->behaviour = std::move(behaviour);
  state_->listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  KIT_ASSERT(::bind(state_->listener, name, size) == 0 && ::listen(state_->listener, 64) == 0 &&
                 ::getsockname(state_->listener, name, &size) == 0,
             "no socket on the loopback address");
  state_->port = ntohs(address.sin_port);
  state_->threads.reserve(4'096);  // what runs on them grows it
  state_->threads.emplace_back([state = state_.get()] { state->accept_all(); });
}

HostileServer::~HostileServer() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ended = true;
    for (const int connection : state_->connections) ::shutdown(connection, SHUT_RDWR);
  }
  ::shutdown(state_->listener, SHUT_RDWR);
  state_->threads.front().join();
  for (std::size_t i = 1; i < state_->threads.size(); ++i) state_->threads[i].join();
  for (const int connection : state_->connections) ::close(connection);
  ::close(state_->listener);
}

int HostileServer::port() const {
  return state_->port;
}

std::string HostileServer::receive(int connection, std::size_t most) {
  std::string bytes(most, '\0');
  const ssize_t got = ::recv(connection, bytes.data(), bytes.size(), 0);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

bool HostileServer::send(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace kit::tests

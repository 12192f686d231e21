// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/dev_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "kit/base/text.hpp"
#include "kitgen/cli/command.hpp"

namespace kitgen::cli {
namespace {

using namespace std::chrono_literals;
using kit::Code;
using kit::Error;
using kit::Result;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds start_limit = 60s;
constexpr milliseconds drain_limit = 10s;
constexpr std::string_view listening = "listening at ";

/// Everything there is to read; false at the end.
bool read_some(int descriptor, std::string& text) {
  std::array<char, 16 * 1024> buffer;
  const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
  if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

int milliseconds_left(steady_clock::time_point end) {
  const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

}  // namespace

ServerSettings read_settings(std::string_view config_text) {
  ServerSettings settings;
  for (std::string_view line : kit::split(config_text, '\n')) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with('#') || colon == line.npos) continue;
    const std::string_view key = line.substr(0, colon);
    // "http.port: 8080      # default"
    const std::string value(kit::trim(line.substr(colon + 2, line.find(" #") - colon - 2)));
    const int number = static_cast<int>(kit::parse_int(value).value_or(0));
    if (key == "http.address") settings.address = value;
    if (key == "http.port") settings.port = number;
    if (key == "admin.address") settings.admin_address = value;
    if (key == "admin.port") settings.admin_port = number;
    if (key == "database.path") settings.database = value;
  }
  return settings;
}

Result<Descriptor> listen_on(const std::string& address, int port) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<std::uint16_t>(port));
    size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<std::uint16_t>(port));
    size = sizeof *v6;
  } else {
    return Error(Code::invalid_argument, "http.address: " + address + " is no IP address");
  }
  Descriptor socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  const std::string place = address + ":" + std::to_string(port);
  if (!socket || ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    return system_error("cannot listen at " + place);
  if (::bind(socket.number(), reinterpret_cast<sockaddr*>(&storage), size) == 0 &&
      ::listen(socket.number(), SOMAXCONN) == 0)
    return socket;
  const bool is_taken = errno == EADDRINUSE;
  Error error = system_error("cannot listen at " + place);
  if (!is_taken) return error;
  return Error(Code::unavailable, error.message() +
                                      ". Stop the program that uses the port, or choose another "
                                      "one: kitgen dev --port " +
                                      std::to_string(port < 65'000 ? port + 1000 : 8080));
}

Result<Supervisor> Supervisor::open() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, number);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return system_error("cannot wait for signals");
  Descriptor signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return system_error("cannot wait for signals");
  return Supervisor(std::move(signals));
}

void Supervisor::forward(Server& server) {
  std::string text;
  if (!read_some(server.output.number(), text)) server.output = Descriptor();
  print(text);
  if (!server.url.empty()) return;
  server.line += text;
  for (std::size_t end = server.line.find('\n'); end != std::string::npos;
       end = server.line.find('\n')) {
    const std::string line = server.line.substr(0, end);
    server.line.erase(0, end + 1);
    if (line.starts_with(listening)) server.url = line.substr(listening.size());
  }
}

Supervisor::Event Supervisor::wait(const Wait& wait) {
  const auto end = steady_clock::now() + wait.limit.value_or(0ms);
  while (true) {
    std::vector<pollfd> polled = {{signals_.number(), POLLIN, 0}};
    for (const int each : wait.descriptors) polled.push_back({each, POLLIN, 0});
    const std::size_t first_server = polled.size();
    for (const Server* server : servers_) polled.push_back({server->output.number(), POLLIN, 0});
    const int count =
        ::poll(polled.data(), polled.size(), wait.limit ? milliseconds_left(end) : -1);
    if (count < 0) continue;
    if (polled[0].revents != 0) {
      signalfd_siginfo taken{};
      while (::read(signals_.number(), &taken, sizeof taken) > 0) is_stopping_ = true;
    }
    for (std::size_t i = first_server; i < polled.size(); ++i) {
      if (polled[i].revents != 0) forward(*servers_[i - first_server]);
    }
    if (is_stopping_) return Event::stop;
    if (wait.done && wait.done()) return Event::done;
    for (std::size_t i = 1; i < first_server; ++i) {
      if (polled[i].revents != 0) return Event::ready;
    }
    if (wait.limit && milliseconds_left(end) == 0) return Event::timeout;
  }
}

Result<Supervisor::Output> Supervisor::run(std::vector<std::string> command,
                                           const std::string& folder) {
  auto pipe = make_pipe();
  if (!pipe) return std::move(pipe).error();
  const int writing = pipe->second.number();
  auto child = Child::start(
      {.command = std::move(command), .folder = folder, .out = writing, .err = writing});
  if (!child) return std::move(child).error();
  pipe->second = Descriptor();
  Output output;
  while (true) {
    const Event event = wait({.descriptors = {pipe->first.number()}});
    if (event == Event::stop) {
      (*child)->stop(drain_limit);
      return Error(Code::cancelled, "stopped");
    }
    if (!read_some(pipe->first.number(), output.text)) break;
  }
  output.status = (*child)->wait();
  return output;
}

Result<std::unique_ptr<Server>> Supervisor::start(ChildOptions options) {
  auto pipe = make_pipe();
  if (!pipe) return std::move(pipe).error();
  options.out = pipe->second.number();
  auto child = Child::start(options);
  if (!child) return std::move(child).error();
  auto server = std::make_unique<Server>();
  server->child = std::move(*child);
  server->output = std::move(pipe->first);
  pipe->second = Descriptor();
  servers_.push_back(server.get());
  Wait until;
  until.descriptors = {server->child->descriptor()};
  until.limit = start_limit;
  until.done = [&] { return !server->url.empty(); };
  const Event event = wait(until);
  if (event == Event::done) return server;
  stop(*server);
  if (event == Event::stop) return Error(Code::cancelled, "stopped");
  if (event == Event::timeout)
    return Error(Code::deadline_exceeded, "the server does not listen after 60 s");
  return Error(Code::unavailable, "the server ended at its start, with exit code " +
                                      std::to_string(server->child->wait()));
}

void Supervisor::stop(Server& server) {
  const bool was_stopping = is_stopping_;
  if (!server.child->status()) ::kill(server.child->id(), SIGTERM);
  const auto end = steady_clock::now() + drain_limit;
  while (!server.child->status() && steady_clock::now() < end) {
    is_stopping_ = false;  // a second signal ends it at once
    const Event event = wait({.descriptors = {server.child->descriptor()},
                              .limit = milliseconds(milliseconds_left(end))});
    if (event == Event::stop) break;
  }
  server.child->stop(0ms);
  while (server.output) forward(server);
  std::erase(servers_, &server);
  is_stopping_ = is_stopping_ || was_stopping;
}

}  // namespace kitgen::cli

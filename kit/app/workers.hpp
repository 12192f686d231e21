// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kit/async/loop.hpp"
#include "kit/async/task.hpp"
#include "kit/base/result.hpp"
#include "kit/http/server.hpp"
#include "kit/net/listen.hpp"
#include "kit/net/stream.hpp"
#include "kit/net/tls.hpp"

namespace kit::app {

/// The servers of one port: one on the loop that starts them and one on each further thread, all
/// sharing a router, a table of connections and TLS certificates. Thread safety: the thread of the
/// loop that was current at `start`.
class Workers {
 public:
  struct Options {
    std::string address;
    int port = 0;
    int threads = 1;  ///< In all, at least 1.
    http::ServerOptions server;
    std::shared_ptr<net::TlsStore> tls;  ///< Null: not encrypted.
    /// Instead of address and port: what every thread accepts from, until the drain.
    std::shared_ptr<const net::ListeningSocket> socket;
  };
  /// Listens on every thread before it returns. Fails with what `net::listen_tcp` says, also when
  /// another process listens on the port with the same permission to share it.
  static Result<std::unique_ptr<Workers>> start(const http::Router& router, const Options& options);
  ~Workers();

  /// The port in use, also when 0 was asked for; 0 for a Unix socket.
  int port() const { return port_; }
  /// From now on answers end their connections; new ones are still taken.
  void close_after_answers();
  /// Serves who has dialled and nobody else, lets requests end for at most `limit`, closes the
  /// listeners, ends the other threads.
  Task<> drain(Clock::duration limit);
  /// Ends everything at once and waits for the threads. The loops stay until this object goes:
  /// others may still post to them.
  void stop();

 private:
  struct Serving;
  struct Worker;
  struct Ends;
  Workers();
  Result<> listen_alone(const Options& options);
  Result<> start_thread(const http::Router& router, const Options& options);

  int port_ = 0;
  std::unique_ptr<Serving> own_;
  std::shared_ptr<const net::ListeningSocket> socket_;
  std::vector<std::unique_ptr<Worker>> others_;
};

}  // namespace kit::app

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kitgen/cli/dev_process.hpp"

namespace kitgen::cli {

/// What `NAME config` says about the settings that matter here.
struct ServerSettings {
  std::string address;  ///< "127.0.0.1", or "unix:/run/shop.sock".
  int port = 0;
  std::string admin_address;
  int admin_port = 0;  ///< 0: no metrics.
  std::string database;
  friend bool operator==(const ServerSettings&, const ServerSettings&) = default;
};
ServerSettings read_settings(std::string_view config_text);

/// A TCP socket that listens. Whoever holds it loses no connection while servers come and go. Fails
/// with `unavailable`, saying what to do.
kit::Result<Descriptor> listen_on(const std::string& address, int port);

/// A running server of the project; what it prints is passed on.
struct Server {
  std::unique_ptr<Child> child;
  Descriptor output;
  std::string line;  ///< What it printed last, until its end.
  std::string url;   ///< "" until it listens.
  ServerSettings settings;
};

/// Waits for several things at once: children, files, signals; meanwhile what servers print goes to
/// our standard output.
class Supervisor {
 public:
  /// From here on SIGINT, SIGTERM and SIGHUP only make `is_stopping` true.
  static kit::Result<Supervisor> open();

  bool is_stopping() const { return is_stopping_; }

  enum class Event { ready, stop, timeout, done };
  struct Wait {
    std::vector<int> descriptors = {};  ///< `ready` when one of them is readable.
    std::optional<std::chrono::milliseconds> limit = {};
    std::function<bool()> done = {};  ///< Asked after whatever happened.
  };
  Event wait(const Wait& wait);

  struct Output {
    int status = 0;
    std::string text;  ///< Both streams.
  };
  /// Runs a program to its end. Fails with `cancelled` when it was stopped by a signal to us.
  kit::Result<Output> run(std::vector<std::string> command, const std::string& folder);

  /// Starts a server and waits until it listens. Fails with `unavailable` when it ends before; it
  /// has said why itself.
  kit::Result<std::unique_ptr<Server>> start(ChildOptions options);
  /// Ends a server in order, all of its output passed on.
  void stop(Server& server);

 private:
  explicit Supervisor(Descriptor signals) : signals_(std::move(signals)) {}
  void forward(Server& server);

  Descriptor signals_;
  std::vector<Server*> servers_;
  bool is_stopping_ = false;
};

}  // namespace kitgen::cli

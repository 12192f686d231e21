// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kit/base/result.hpp"
#include "kitgen/cli/root.hpp"

namespace kitgen::cli {

struct ChildOptions {
  std::vector<std::string> command;  ///< The first word is a path, or looked for in PATH.
  std::string folder;
  int out = -1;  ///< Its standard output; -1: ours.
  int err = -1;
  /// Handed over by socket activation (LISTEN_FDS), with their names.
  std::vector<std::pair<int, std::string>> sockets = {};
};

/// A program that this one runs: in a process group of its own, so that Ctrl-C reaches only the one
/// that will end the others in order, and gone when this process is, even when that was killed. Its
/// standard input is empty.
class Child {
 public:
  /// Fails with `not_found` when the program cannot be run.
  static kit::Result<std::unique_ptr<Child>> start(const ChildOptions& options);
  /// Ends it.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t id() const { return id_; }
  /// Readable (for poll) once it has ended.
  int descriptor() const { return ended_.number(); }
  /// Its exit code, 128 + N after signal N; nothing while it runs.
  std::optional<int> status();
  int wait();
  /// Asks its whole group to end, and ends it when it has not within `limit`.
  int stop(std::chrono::milliseconds limit);

 private:
  Child(pid_t id, Descriptor ended) : id_(id), ended_(std::move(ended)) {}
  pid_t id_;
  Descriptor ended_;
  std::optional<int> status_;
};

/// Both ends of a pipe, closed on exec: what is read, what is written.
kit::Result<std::pair<Descriptor, Descriptor>> make_pipe();

/// "cannot do something: why", with errno.
kit::Error system_error(const std::string& what);

}  // namespace kitgen::cli

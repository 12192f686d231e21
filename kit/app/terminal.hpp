// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kit/app/status.hpp"

namespace kit::app {

/// What the message at the end of a start tells.
struct ReadyFigures {
  std::string_view title, version;
  std::string url;
  bool pages = true;
  std::string database;
  std::string metrics;       ///< Empty: none.
  std::string problem;       ///< Empty: none.
  std::string example_path;  ///< Of the entity with the most rows.
  std::int64_t rows = 0;
  std::size_t entities = 0;
};

/// Speaks plainly to the person who started the program, on standard output; silent when `enabled`
/// is false. Thread safety: one thread.
class Terminal {
 public:
  explicit Terminal(bool enabled);

  void listening(const std::string& url);
  void progress(const ImportProgress& progress);
  void progress_done();
  void ready(const ReadyFigures& figures);
  void stopping(int signal);

 private:
  bool enabled_;
  bool is_terminal_;
  bool line_open_ = false;
  std::size_t files_shown_ = 0;
};

/// 15607 as "15 607".
std::string grouped(std::int64_t number);

}  // namespace kit::app

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace simulation {

/// What a client saw of one answer.
struct Answer {
  int status = 0;
  std::string request_id;
  std::string body;
  std::size_t length = 0;  ///< What Content-Length says, also of an answer to HEAD.
  bool closes = false;     ///< It says Connection: close.
};

/// Takes answers off what was received, strictly.
class AnswerReader {
 public:
  explicit AnswerReader(std::string_view received) : rest_(received) {}

  enum class Step : unsigned char {
    answer,      ///< `answer` is one.
    incomplete,  ///< The bytes end here: inside an answer when `rest` is not empty.
    malformed,   ///< `problem` says what is no HTTP.
  };
  /// `head`: this answers a HEAD request. An incomplete answer's fields and body are what there is.
  Step next(bool head, Answer& answer);

  std::string_view rest() const { return rest_; }
  const std::string& problem() const { return problem_; }

 private:
  Step fail(std::string problem);
  Step chunks(std::string_view data, Answer& answer);

  std::string_view rest_;
  std::string problem_;
};

}  // namespace simulation

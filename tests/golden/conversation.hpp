// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kitgen::golden {

/// One request of a section `run`, as the file has it.
struct Step {
  std::string text;  ///< Every line of it, remarks before it too, without the answer.
  std::string verb;  ///< "GET" ..., "IMPORT", "EXPORT"; "" for remarks at the end.
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// Throws `std::runtime_error` with the line that is not of the format.
std::vector<Step> read_conversation(std::string_view text);

/// What differs from run to run has a name in the file, in requests and answers: `<uuid-1>`,
/// `<tag-1>`, `<cursor-1>` count from the first that is seen; `<now>` is any time of the last hour,
/// in answers only.
class Names {
 public:
  std::string to_file(std::string text);
  std::string to_wire(std::string text) const;

 private:
  void replace(std::string& text, const char* pattern, const char* kind);
  std::vector<std::pair<std::string, std::string>> values_;  ///< Name, value.
  std::vector<std::pair<std::string, std::size_t>> counts_;
};

/// JSON as it is, broken into lines where it is longer than a line.
std::string layout(std::string_view json, std::size_t indent);

}  // namespace kitgen::golden

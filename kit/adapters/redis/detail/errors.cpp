// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/errors.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/base/text.hpp"

namespace kit::redis::detail {
namespace {

struct Meaning {
  std::string_view word;
  Code code;
};

constexpr std::array<Meaning, 27> words = {{
    {"WRONGTYPE", Code::failed_precondition},
    {"NOSCRIPT", Code::failed_precondition},
    {"NOTBUSY", Code::failed_precondition},
    {"OOM", Code::resource_exhausted},
    {"LOADING", Code::unavailable},
    {"BUSY", Code::unavailable},
    {"CLUSTERDOWN", Code::unavailable},
    {"MASTERDOWN", Code::unavailable},
    {"TRYAGAIN", Code::unavailable},
    {"READONLY", Code::unavailable},
    {"MISCONF", Code::unavailable},
    {"NOREPLICAS", Code::unavailable},
    {"NOGOODSLAVE", Code::unavailable},
    {"MOVED", Code::unavailable},
    {"ASK", Code::unavailable},
    {"UNBLOCKED", Code::unavailable},
    {"NOAUTH", Code::unauthenticated},
    {"WRONGPASS", Code::unauthenticated},
    {"NOPERM", Code::permission_denied},
    {"DENIED", Code::permission_denied},
    {"EXECABORT", Code::aborted},
    {"BUSYGROUP", Code::already_exists},
    {"BUSYKEY", Code::already_exists},
    {"NOGROUP", Code::not_found},
    {"CROSSSLOT", Code::invalid_argument},
    {"NOPROTO", Code::unimplemented},
    {"IOERR", Code::unavailable},
}};

/// Errors that only their text tells apart.
constexpr std::array<Meaning, 5> starts = {{
    {"ERR unknown command", Code::unimplemented},
    {"ERR unknown subcommand", Code::unimplemented},
    {"ERR max number of clients", Code::resource_exhausted},
    {"ERR no such key", Code::not_found},
    {"ERR invalid password", Code::unauthenticated},
}};

Code code_of(std::string_view text) {
  const std::string_view word = error_word(text);
  const auto found = std::ranges::find(words, word, &Meaning::word);
  if (found != words.end()) return found->code;
  for (const Meaning& start : starts) {
    if (text.starts_with(start.word)) return start.code;
  }
  return word == "ERR" ? Code::invalid_argument : Code::unknown;
}

constexpr std::size_t longest_message = 512;

}  // namespace

std::string_view error_word(std::string_view text) {
  constexpr std::size_t longest_word = 32;
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  return word.size() <= longest_word && std::ranges::all_of(word, is_capital) ? word
                                                                              : std::string_view();
}

Error server_error(std::string_view text) {
  const std::string_view word = error_word(text);
  std::string reason = "REDIS_";
  reason += word.empty() || word == "ERR" ? std::string_view("ERROR") : word;
  // "unknown command 'X', with args beginning with: 'secret'"
  std::string_view shown = text.substr(0, text.find(", with args beginning with"));
  shown = shown.substr(0, longest_message);
  return Error(code_of(text), "Redis: " + valid_utf8(shown)).with_reason(std::move(reason));
}

Error unreachable(std::string_view where, Error cause) {
  const bool is_ours = cause.code() == Code::unauthenticated ||
                       cause.code() == Code::permission_denied || cause.code() == Code::cancelled;
  if (is_ours) return cause;
  std::string reason = cause.reason().empty() ? "REDIS_UNREACHABLE" : cause.reason();
  return Error(Code::unavailable, "Redis at " + std::string(where) + ": " + cause.message())
      .with_reason(std::move(reason))
      .with_cause(std::move(cause));
}

Error protocol_error(std::string_view what) {
  return Error(Code::unavailable, "not the protocol of Redis: " + std::string(what))
      .with_reason("REDIS_PROTOCOL_ERROR");
}

}  // namespace kit::redis::detail

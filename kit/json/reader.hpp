// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/error.hpp"

namespace kit::json {

/// What stands at the reader's place. `none`: nothing to read, because the text ended or is
/// malformed.
enum class Kind : std::uint8_t { none, null, boolean, number, string, array, object };

/// "a string", "an object": for messages of the form "must be a number, is a string".
std::string_view describe(Kind kind);

/// Reads JSON (RFC 8259, strict) step by step, without a tree and without copying strings that have
/// no escapes.
///
///     json::Reader reader(body);
///     if (!reader.begin_object()) ...                      // is no object: reader.peek() tells
///     what it is while (auto key = reader.next_key()) {
///       if (*key == "email") {
///         auto email = reader.try_string();
///         if (!email) { report(...); reader.skip_value(); }
///       } else {
///         report(unknown field); reader.skip_value();
///       }
///     }
///     if (!reader.finish()) return reader.error();
///
/// A value of another kind than asked for gives nothing and stays where it is: the caller reports
/// it and calls `skip_value()`. Text that is no JSON fails the reader for good: every call gives
/// nothing from then on, `failed()` is true and `error()` says where and what was expected.
/// Malformed is also: bytes that are no UTF-8, lone surrogates, a name twice in one object, more
/// than `max_depth` levels, more than `max_members` members in one object, anything but blanks
/// after the value. Lifetime: the text outlives the reader. A string without escapes points into
/// the text; one with escapes is valid until the next call that gives a string. A key is valid
/// until its object ends. Cost: no allocation unless a string has escapes or the open objects have
/// more than 48 members.
class Reader {
 public:
  static constexpr std::size_t max_depth = 64;
  static constexpr std::size_t max_members = 10'000;

  explicit Reader(std::string_view text);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// The kind of the value here, told by its first character.
  Kind peek();

  /// Steps into the object here; false when there is none.
  bool begin_object();
  /// The name of the next member, its value comes next; nothing at the end of the object, which is
  /// left behind. A value that was not taken is skipped.
  std::optional<std::string_view> next_key();
  /// Steps into the array here; false when there is none.
  bool begin_array();
  /// Whether there is another element, which comes next; at the end the array is left behind.
  bool next_element();

  std::optional<std::string_view> try_string();
  /// Nothing also for numbers with a fraction or an exponent, and for those that do not fit.
  std::optional<std::int64_t> try_int64();
  std::optional<std::uint64_t> try_uint64();
  /// Nothing also for numbers beyond the range of double.
  std::optional<double> try_double();
  std::optional<bool> try_bool();
  bool try_null();
  /// The number here as written, for decimals.
  std::optional<std::string_view> number_text();

  /// Reads past the value here whatever it is, checking it. False when the reader failed.
  bool skip_value();
  /// Reads past the value here and gives its text as written.
  std::optional<std::string_view> raw_value();
  /// Call after the value was read: true when nothing but blanks follows and nothing failed.
  bool finish();

  bool failed() const { return failed_; }
  /// `invalid_argument`, "line 3, column 14: expected ',' or '}', found 'x'". Only after a failure.
  Error error() const;

 private:
  enum class Frame : std::uint8_t { object, array };
  struct Level {
    Frame frame;
    bool started;             // past the first element or member
    std::uint32_t first_key;  // where its keys start in keys_
    std::uint32_t key_count;
    std::uint32_t first_text;  // where its decoded keys start in key_texts_
  };
  struct KeyRef {
    const char* data;
    std::size_t size;
  };
  static constexpr std::size_t inline_keys = 48;
  static constexpr std::uint32_t keys_compared_in_line = 32;

  void skip_blanks();
  bool fail(const char* expected);
  bool fail_with(std::string message);
  bool enter(Frame frame);
  void leave();
  bool next_place(Frame frame, char closing);
  std::optional<std::string_view> scan_string(std::string& decoded);
  bool scan_plain(const char*& at);
  bool decode_rest(std::string& decoded);
  bool decode_escape(std::string& decoded);
  bool decode_unicode(std::string& decoded);
  std::optional<std::uint32_t> scan_hex4();
  std::optional<std::string_view> scan_key();
  std::optional<std::string_view> scan_number();
  template <class T>
  std::optional<T> try_integer();
  bool accept_word(const char* word, std::size_t size);
  bool add_key(std::string_view key);
  KeyRef& key_ref(std::size_t index);

  const char* const begin_;
  const char* at_;
  const char* const end_;
  const char* expected_ = nullptr;  // what was missing at the failure: a literal
  std::string message_;             // of a failure that is no missing thing
  bool failed_ = false;
  bool pending_ = true;  // a value comes next and was not taken
  std::string scratch_;

  std::size_t depth_ = 0;
  std::array<Level, max_depth> levels_;
  std::array<KeyRef, inline_keys> inline_keys_;
  std::size_t key_total_ = 0;
  std::vector<KeyRef> more_keys_;     // those past inline_keys_
  std::list<std::string> key_texts_;  // of keys with escapes
  // Of open objects with many members, innermost last. Ordered, so that no choice of keys makes it
  // slow.
  std::vector<std::set<std::string_view>> large_sets_;
};

}  // namespace kit::json

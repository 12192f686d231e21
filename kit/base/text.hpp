// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kit {

/// Whether `text` is well-formed UTF-8 (no overlong forms, surrogates or code points past
/// U+10FFFF).
bool is_utf8(std::string_view text);

/// Length in bytes of the well-formed UTF-8 sequence at the start of `text`: 1 to 4, or 0 when
/// there is none.
std::size_t utf8_sequence(std::string_view text);

/// `text` with U+FFFD for each byte that is no part of well-formed UTF-8.
std::string valid_utf8(std::string_view text);

/// Number of code points of well-formed UTF-8; what `max: 40` of a schema counts.
std::size_t utf8_length(std::string_view text);

/// Edits from one to the other, at most `limit + 1`: a byte put in, taken out, changed, or swapped
/// with its neighbour (the commonest slip) counts one.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit = 16);

/// The candidate that `word` was most likely meant to be, or nothing when none is near (distance at
/// most a third of the word's length, at least 1, ignoring case).
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

/// " (did you mean 'x'?)" or "", for the end of an error message.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

/// Unpadded base64url (RFC 4648 section 5).
std::string base64url_encode(std::string_view bytes);
/// Nothing for a character outside the alphabet, padding, or non-zero trailing bits.
std::optional<std::string> base64url_decode(std::string_view text);

/// Parts between `separator`; an empty text has one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);
/// What stands before the first `mark`, all of it when there is none; `text` is left with what
/// follows.
std::string_view cut(std::string_view& text, char mark);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);           ///< ASCII only.
bool iequals(std::string_view a, std::string_view b);  ///< ASCII case-insensitive.

/// The whole text as a decimal number, or nothing: no sign '+', no blanks, no overflow.
std::optional<long long> parse_int(std::string_view text);
std::optional<double> parse_double(std::string_view text);

}  // namespace kit

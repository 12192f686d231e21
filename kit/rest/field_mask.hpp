// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kit::rest {

/// Which members of an answer are written, by their place in its table of fields. Made without
/// anything it is all of them, and costs nothing.
class FieldMask {
 public:
  static FieldMask none(std::size_t fields) {
    FieldMask mask;
    mask.words_.assign(fields / 64 + 1, 0);
    return mask;
  }

  bool is_all() const { return words_.empty(); }
  /// `field` is below the number the mask was made for.
  bool has(std::size_t field) const {
    return is_all() || (words_[field / 64] >> (field % 64) & 1) != 0;
  }
  void add(std::size_t field) { words_[field / 64] |= std::uint64_t{1} << (field % 64); }
  /// Those that are in both.
  FieldMask operator&(const FieldMask& other) const;
  const std::vector<std::uint64_t>& words() const { return words_; }

  friend bool operator==(const FieldMask&, const FieldMask&) = default;

 private:
  std::vector<std::uint64_t> words_;
};

/// The mask of whoever asks for no fields, so that the compiler leaves the questions out.
struct AllFields {
  static constexpr bool has(std::size_t) { return true; }
};

}  // namespace kit::rest

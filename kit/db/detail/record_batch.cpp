// SPDX-License-Identifier: Apache-2.0
#include "kit/db/detail/record_batch.hpp"

#include <string_view>

namespace kit::db::detail {
namespace {

constexpr std::size_t no_value = static_cast<std::size_t>(-1);
/// What is kept for the next batch; a record may be much larger.
constexpr std::size_t most_kept_bytes = 2 * 1024 * 1024;

}  // namespace

void RecordBatch::add(std::size_t line, std::span<const csv::Field> fields) {
  lines_.push_back(line);
  for (const csv::Field& field : fields) {
    lengths_.push_back(field ? field->size() : no_value);
    if (field) text_.append(*field);
  }
}

void RecordBatch::clear() {
  lines_.clear();
  lengths_.clear();
  fields_.clear();
  records_.clear();
  text_.clear();
  if (text_.capacity() > most_kept_bytes) text_ = std::string();
}

std::span<const csv::Fields> RecordBatch::records() {
  fields_.clear();
  records_.clear();
  std::size_t at = 0;
  for (const std::size_t length : lengths_) {
    if (length == no_value) {
      fields_.emplace_back();
    } else {
      fields_.emplace_back(std::string_view(text_).substr(at, length));
      at += length;
    }
  }
  const std::size_t width = lines_.empty() ? 0 : fields_.size() / lines_.size();
  for (std::size_t i = 0; i < lines_.size(); ++i)
    records_.emplace_back(fields_.data() + i * width, width);
  return records_;
}

}  // namespace kit::db::detail

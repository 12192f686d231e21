// SPDX-License-Identifier: Apache-2.0
#include "kit/record/parameters.hpp"

namespace kit::record {

void ParameterWriter::add(const Uuid& value) {
  texts_.push_front(value.to_string());
  put(std::string_view(texts_.front()));
}

void ParameterWriter::add_decimal(const Decimal& value, int scale) {
  const std::optional<Decimal> stored = value.rescaled(scale);
  failed_ = failed_ || !stored;
  put(db::Scaled{stored ? stored->unscaled() : 0, scale});
}

void ParameterWriter::add_decimal(const std::vector<Decimal>& values, int scale) {
  std::vector<Decimal> stored;
  stored.reserve(values.size());
  for (const Decimal& value : values) {
    const std::optional<Decimal> scaled = value.rescaled(scale);
    failed_ = failed_ || !scaled;
    if (scaled) stored.push_back(*scaled);
  }
  add(stored);
}

Result<> ParameterWriter::status() const {
  if (failed_) return Error(Code::out_of_range, "a decimal has more digits than its column");
  return {};
}

std::string id_array(std::span<const std::int64_t> ids) {
  std::string text = "[";
  for (const std::int64_t id : ids) {
    if (text.size() > 1) text += ',';
    text += std::to_string(id);
  }
  return text += ']';
}

std::string id_array(std::span<const Uuid> ids) {
  std::string text = "[";
  for (const Uuid& id : ids) {
    if (text.size() > 1) text += ',';
    text.append("\"").append(id.to_string()).append("\"");
  }
  return text += ']';
}

}  // namespace kit::record

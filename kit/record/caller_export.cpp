// SPDX-License-Identifier: Apache-2.0
#include "kit/record/caller_export.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kit::record {
namespace {

/// Some of the columns of another target.
class SomeColumns final : public db::ImportTarget {
 public:
  SomeColumns(db::ImportTarget& all, std::vector<std::size_t> places)
      : all_(all), places_(std::move(places)) {
    for (const std::size_t place : places_) headers_.push_back(all.columns()[place]);
  }

  std::string_view name() const override { return all_.name(); }
  std::string_view file() const override { return all_.file(); }
  std::span<const std::string_view> columns() const override { return headers_; }
  std::size_t key_columns() const override {
    return static_cast<std::size_t>(std::ranges::count_if(
        places_, [&](std::size_t place) { return place < all_.key_columns(); }));
  }
  Task<db::Stored> store(db::Session&, std::span<const csv::Field>) override {
    co_return Error(Code::unimplemented, "rows of which only some columns are seen are not stored");
  }
  Task<> each(db::Session& session, db::RecordSink sink) override {
    auto some = [&](std::span<const csv::Field> fields) { return sink(of(fields)); };
    co_await all_.each(session, some);
  }
  Task<std::optional<std::string>> page(db::Session& session, const db::ListQuery& query,
                                        db::RecordSink sink) override {
    auto some = [&](std::span<const csv::Field> fields) { return sink(of(fields)); };
    co_return co_await all_.page(session, query, some);
  }
  db::RowLimit row_limit() const override { return all_.row_limit(); }

 private:
  std::span<const csv::Field> of(std::span<const csv::Field> fields) {
    seen_.clear();
    for (const std::size_t place : places_) seen_.push_back(fields[place]);
    return seen_;
  }

  db::ImportTarget& all_;
  std::vector<std::size_t> places_;
  std::vector<std::string_view> headers_;
  std::vector<csv::Field> seen_;
};

bool is_seen(const AccessRules& rules, std::string_view field) {
  const auto rule = std::ranges::find(rules.fields, field, &FieldRule::field);
  return rule == rules.fields.end() || allows_field(rules, *rule);
}

}  // namespace

std::unique_ptr<db::ImportTarget> export_for_caller(db::ImportTarget& target,
                                                    const AccessRules& rules,
                                                    std::span<const CsvColumn> columns) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (is_seen(rules, columns[i].field)) places.push_back(i);
  }
  if (places.size() == columns.size()) return nullptr;
  return std::make_unique<SomeColumns>(target, std::move(places));
}

}  // namespace kit::record

// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/registry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <mutex>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"

namespace kit::telemetry {
namespace {

constexpr std::string_view counter_ending = "_total";
constexpr std::string_view overflow_value = "other";

bool is_name(std::string_view name) {
  auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' && std::ranges::all_of(name, fits);
}

void append_head(std::string& out, std::string_view name, std::string_view help,
                 std::string_view type) {
  out.append("# HELP ").append(name).append(" ");
  for (char c : help) {
    if (c == '\\')
      out.append("\\\\");
    else if (c == '\n')
      out.append("\\n");
    else
      out.push_back(c);
  }
  out.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void append_label_value(std::string& out, std::string_view value) {
  while (!value.empty()) {
    std::size_t length = utf8_sequence(value);
    if (length == 0) {
      out.append("\xEF\xBF\xBD");  // U+FFFD
      length = 1;
    } else if (value[0] == '\\') {
      out.append("\\\\");
    } else if (value[0] == '"') {
      out.append("\\\"");
    } else if (value[0] == '\n') {
      out.append("\\n");
    } else {
      out.append(value.substr(0, length));
    }
    value.remove_prefix(length);
  }
}

/// The name with its labels, up to the number.
void append_series(std::string& out, std::string_view name, const std::vector<std::string>& labels,
                   const std::vector<std::string>& values) {
  out.append(name);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    out.append(i == 0 ? "{" : ",").append(labels[i]).append("=\"");
    append_label_value(out, values[i]);
    out.append("\"");
  }
  out.append(labels.empty() ? " " : "} ");
}

template <class T>
void append_number(std::string& out, T number) {
  std::array<char, 32> buffer;
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  out.append(buffer.data(), end);
}

}  // namespace

struct Registry::Source {
  std::string help;
  std::vector<std::string> labels;
  Function<std::vector<Reading>() const> read;

  void write(std::string& out, std::string_view name) const;
};

void Registry::Source::write(std::string& out, std::string_view name) const {
  append_head(out, name, help, name.ends_with(counter_ending) ? "counter" : "gauge");
  std::vector<Reading> readings = read();
  if (readings.size() > CounterFamily::default_max_series) {
    readings.resize(CounterFamily::default_max_series);
  }
  for (const Reading& reading : readings) {
    KIT_ASSERT(reading.values.size() == labels.size(), "one value for each label of the metric");
    append_series(out, name, labels, reading.values);
    if (std::isnan(reading.number)) {
      out.append("NaN");
    } else if (std::isinf(reading.number)) {
      out.append(reading.number > 0 ? "+Inf" : "-Inf");
    } else {
      append_number(out, reading.number);
    }
    out.append("\n");
  }
}

CounterFamily::CounterFamily(std::string_view name, std::string_view help,
                             std::span<const std::string_view> labels, std::size_t max_series)
    : name_(name), help_(help), labels_(labels.begin(), labels.end()), max_series_(max_series) {}

Counter& CounterFamily::with(std::span<const std::string_view> values) {
  KIT_ASSERT(values.size() == labels_.size(), "one value for each label of the metric");
  {
    std::shared_lock lock(mutex_);
    if (auto found = series_.find(values); found != series_.end()) return found->second;
  }
  std::unique_lock lock(mutex_);
  if (auto found = series_.find(values); found != series_.end()) return found->second;
  if (series_.size() >= max_series_ && !labels_.empty()) {
    return series_[std::vector<std::string>(labels_.size(), std::string(overflow_value))];
  }
  return series_[std::vector<std::string>(values.begin(), values.end())];
}

void CounterFamily::write(std::string& out) const {
  append_head(out, name_, help_, "counter");
  std::shared_lock lock(mutex_);
  for (const auto& [values, counter] : series_) {
    append_series(out, name_, labels_, values);
    append_number(out, counter.value());
    out.append("\n");
  }
}

Registry::Registry() = default;
Registry::~Registry() = default;

Counter& Registry::counter(std::string_view name, std::string_view help) {
  return counters(name, help, {}).with({});
}

CounterFamily& Registry::counters(std::string_view name, std::string_view help,
                                  std::initializer_list<std::string_view> labels,
                                  std::size_t max_series) {
  KIT_ASSERT(is_name(name) && name.ends_with(counter_ending),
             "a counter is named lower_case and ends in _total");
  KIT_ASSERT(std::ranges::all_of(labels, is_name), "a label is named lower_case");
  std::unique_lock lock(mutex_);
  KIT_ASSERT(!readings_.contains(name), "two metrics of one name");
  auto found = families_.find(name);
  if (found == families_.end()) {
    std::unique_ptr<CounterFamily> made(
        new CounterFamily(name, help, std::span(labels.begin(), labels.size()), max_series));
    found = families_.emplace(std::string(name), std::move(made)).first;
  }
  CounterFamily& family = *found->second;
  KIT_ASSERT(family.help_ == help && std::ranges::equal(family.labels_, labels),
             "one metric declared in two ways");
  return family;
}

void Registry::add_reading(std::string_view name, std::string_view help,
                           Function<double() const> read) {
  add_source(name, help, {}, [read = std::move(read)] {
    std::vector<Reading> one(1);
    one[0].number = read();
    return one;
  });
}

void Registry::add_readings(std::string_view name, std::string_view help,
                            std::initializer_list<std::string_view> labels,
                            Function<std::vector<Reading>() const> read) {
  KIT_ASSERT(std::ranges::all_of(labels, is_name), "a label is named lower_case");
  add_source(name, help, labels, std::move(read));
}

void Registry::add_source(std::string_view name, std::string_view help,
                          std::initializer_list<std::string_view> labels,
                          Function<std::vector<Reading>() const> read) {
  KIT_ASSERT(is_name(name), "a metric is named lower_case");
  auto made = std::make_unique<Source>(
      Source{std::string(help), {labels.begin(), labels.end()}, std::move(read)});
  std::unique_lock lock(mutex_);
  KIT_ASSERT(!families_.contains(name) && !readings_.contains(name), "two metrics of one name");
  readings_.emplace(std::string(name), std::move(made));
}

void Registry::write_text(std::string& out) const {
  std::shared_lock lock(mutex_);
  auto reading = readings_.begin();
  auto write_readings_before = [&](const std::string* name) {
    for (; reading != readings_.end() && (name == nullptr || reading->first < *name); ++reading) {
      reading->second->write(out, reading->first);
    }
  };
  for (const auto& [name, family] : families_) {
    write_readings_before(&name);
    family->write(out);
  }
  write_readings_before(nullptr);
}

}  // namespace kit::telemetry

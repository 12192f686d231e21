// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/registry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <mutex>
#include <utility>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"

namespace kit::telemetry {
namespace {

constexpr std::string_view counter_ending = "_total";
constexpr std::string_view histogram_ending = "_seconds";
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
                   const std::vector<std::string>& values, std::string_view bound = {}) {
  out.append(name);
  char before = '{';
  const auto append_label = [&](std::string_view label, std::string_view value) {
    out.push_back(std::exchange(before, ','));
    out.append(label).append("=\"");
    append_label_value(out, value);
    out.append("\"");
  };
  for (std::size_t i = 0; i < labels.size(); ++i) append_label(labels[i], values[i]);
  if (!bound.empty()) append_label("le", bound);
  out.append(before == '{' ? " " : "} ");
}

template <class T>
void append_number(std::string& out, T number) {
  std::array<char, 32> buffer;
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  out.append(buffer.data(), end);
}

double in_seconds(std::chrono::duration<double> duration) {
  return duration.count();
}

constexpr std::string_view type_of(const Counter*) {
  return "counter";
}
constexpr std::string_view type_of(const Histogram*) {
  return "histogram";
}

void append_metric(std::string& out, std::string_view name, const std::vector<std::string>& labels,
                   const std::vector<std::string>& values, const Counter& counter) {
  append_series(out, name, labels, values);
  append_number(out, counter.value());
  out.append("\n");
}

void append_metric(std::string& out, const std::string_view name,
                   const std::vector<std::string>& labels, const std::vector<std::string>& values,
                   const Histogram& histogram) {
  const Histogram::Snapshot all = histogram.snapshot();
  const std::string whole(name);
  std::uint64_t within = 0;
  for (std::size_t i = 0; i < all.counts.size(); ++i) {
    within += all.counts[i];
    std::string bound;
    if (i < Histogram::bound_count) append_number(bound, in_seconds(Histogram::bound(i)));
    append_series(out, whole + "_bucket", labels, values, bound.empty() ? "+Inf" : bound);
    append_number(out, within);
    out.append("\n");
  }
  append_series(out, whole + "_sum", labels, values);
  append_number(out, in_seconds(all.sum));
  out.append("\n");
  append_series(out, whole + "_count", labels, values);
  append_number(out, within);
  out.append("\n");
}

}  // namespace

class Registry::Source final : public detail::Metric {
 public:
  Source(std::string_view help, std::initializer_list<std::string_view> labels,
         Function<std::vector<Reading>() const> read)
      : help_(help), labels_(labels.begin(), labels.end()), read_(std::move(read)) {}
  void write(std::string& out, std::string_view name) const override;

 private:
  const std::string help_;
  const std::vector<std::string> labels_;
  const Function<std::vector<Reading>() const> read_;
};

void Registry::Source::write(std::string& out, std::string_view name) const {
  append_head(out, name, help_, name.ends_with(counter_ending) ? "counter" : "gauge");
  std::vector<Reading> readings = read_();
  if (readings.size() > CounterFamily::default_max_series) {
    readings.resize(CounterFamily::default_max_series);
  }
  for (const Reading& reading : readings) {
    KIT_ASSERT(reading.values.size() == labels_.size(), "one value for each label of the metric");
    append_series(out, name, labels_, reading.values);
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

template <class Number>
MetricFamily<Number>::MetricFamily(std::string_view help, std::span<const std::string_view> labels,
                                   std::size_t max_series)
    : help_(help), labels_(labels.begin(), labels.end()), max_series_(max_series) {}

template <class Number>
Number& MetricFamily<Number>::with(std::span<const std::string_view> values) {
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

template <class Number>
void MetricFamily<Number>::write(std::string& out, std::string_view name) const {
  append_head(out, name, help_, type_of(static_cast<const Number*>(nullptr)));
  std::shared_lock lock(mutex_);
  for (const auto& [values, number] : series_) append_metric(out, name, labels_, values, number);
}

template class MetricFamily<Counter>;
template class MetricFamily<Histogram>;

Registry::Registry() = default;
Registry::~Registry() = default;

Counter& Registry::counter(std::string_view name, std::string_view help) {
  return counters(name, help, {}).with({});
}

template <class Family>
Family& Registry::declare(std::string_view name, std::string_view help,
                          std::initializer_list<std::string_view> labels, std::size_t max_series) {
  KIT_ASSERT(std::ranges::all_of(labels, is_name), "a label is named lower_case");
  std::unique_lock lock(mutex_);
  auto found = metrics_.find(name);
  if (found == metrics_.end()) {
    std::unique_ptr<detail::Metric> made(
        new Family(help, std::span(labels.begin(), labels.size()), max_series));
    found = metrics_.emplace(std::string(name), std::move(made)).first;
  }
  auto* const family = dynamic_cast<Family*>(found->second.get());
  KIT_ASSERT(family != nullptr, "two metrics of one name");
  KIT_ASSERT(family->help_ == help && std::ranges::equal(family->labels_, labels),
             "one metric declared in two ways");
  return *family;
}

CounterFamily& Registry::counters(std::string_view name, std::string_view help,
                                  std::initializer_list<std::string_view> labels,
                                  std::size_t max_series) {
  KIT_ASSERT(is_name(name) && name.ends_with(counter_ending),
             "a counter is named lower_case and ends in _total");
  return declare<CounterFamily>(name, help, labels, max_series);
}

HistogramFamily& Registry::histograms(std::string_view name, std::string_view help,
                                      std::initializer_list<std::string_view> labels,
                                      std::size_t max_series) {
  KIT_ASSERT(is_name(name) && name.ends_with(histogram_ending),
             "a histogram is named lower_case and ends in _seconds");
  KIT_ASSERT(std::ranges::find(labels, "le") == labels.end(), "le is the label of the bounds");
  return declare<HistogramFamily>(name, help, labels, max_series);
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
  auto made = std::make_unique<Source>(help, labels, std::move(read));
  std::unique_lock lock(mutex_);
  KIT_ASSERT(!metrics_.contains(name), "two metrics of one name");
  metrics_.emplace(std::string(name), std::move(made));
}

void Registry::write_text(std::string& out) const {
  std::shared_lock lock(mutex_);
  for (const auto& [name, metric] : metrics_) metric->write(out, name);
}

}  // namespace kit::telemetry

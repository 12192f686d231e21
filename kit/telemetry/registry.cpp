// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/registry.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "kit/base/assert.hpp"

namespace kit::telemetry {
namespace {

using detail::Exposition;
using detail::Type;

constexpr std::string_view counter_ending = "_total";
constexpr std::string_view overflow_value = "other";

bool is_name(std::string_view name) {
  auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' && std::ranges::all_of(name, fits);
}

/// What the name of a histogram ends in.
std::string_view ending_of(Buckets::Unit unit) {
  return unit == Buckets::Unit::seconds ? "_seconds" : "_bytes";
}

void check_histogram_name(std::string_view name, const Buckets& buckets) {
  KIT_ASSERT(is_name(name) && name.ends_with(ending_of(buckets.unit())),
             "a histogram is named lower_case and ends in its unit, _seconds or _bytes");
}

Type type_of_reading(std::string_view name) {
  return name.ends_with(counter_ending) ? Type::counter : Type::gauge;
}

void write_series(Exposition& out, std::string_view labels, const Counter& counter) {
  out.count(labels, counter.value(), counter.exemplar());
}
void write_series(Exposition& out, std::string_view labels, const Gauge& gauge) {
  out.sample(labels, gauge.value());
}
void write_series(Exposition& out, std::string_view labels, const Histogram& histogram) {
  out.histogram(labels, histogram.buckets(), histogram.snapshot(), &histogram);
}

}  // namespace

class Registry::Source final : public detail::Metric {
 public:
  Source(Type type, std::string_view help, std::initializer_list<std::string_view> labels,
         Function<std::vector<Reading>() const> read)
      : type_(type), help_(help), labels_(labels.begin(), labels.end()), read_(std::move(read)) {}

 private:
  Type type() const override { return type_; }
  const std::string& help() const override { return help_; }
  void write(Exposition& out) const override;

  const Type type_;
  const std::string help_;
  const std::vector<std::string> labels_;
  const Function<std::vector<Reading>() const> read_;
};

void Registry::Source::write(Exposition& out) const {
  std::vector<Reading> readings = read_();
  if (readings.size() > CounterFamily::default_max_series) {
    readings.resize(CounterFamily::default_max_series);
  }
  for (const Reading& reading : readings) {
    KIT_ASSERT(reading.values.size() == labels_.size(), "one value for each label of the metric");
    // A counter that is no count would cost the whole scrape.
    if (type_ == Type::counter && !(reading.number >= 0)) continue;
    out.sample(detail::render_labels(labels_, reading.values), reading.number);
  }
}

class Registry::Counts final : public detail::Metric {
 public:
  Counts(std::string_view help, const HistogramFamily& histograms)
      : help_(help), histograms_(histograms) {}

 private:
  Type type() const override { return Type::counter; }
  const std::string& help() const override { return help_; }
  void write(Exposition& out) const override { histograms_.write_counts(out); }

  const std::string help_;
  const HistogramFamily& histograms_;
};

class Registry::HistogramSource final : public detail::Metric {
 public:
  HistogramSource(std::string_view help, const Buckets& buckets,
                  Function<Histogram::Snapshot() const> read)
      : help_(help), buckets_(buckets), read_(std::move(read)) {}

 private:
  Type type() const override { return Type::histogram; }
  const std::string& help() const override { return help_; }
  void write(Exposition& out) const override {
    const Histogram::Snapshot all = read_();
    KIT_ASSERT(all.counts.size() == buckets_.bounds().size() + 1, "one count for each bucket");
    out.histogram({}, buckets_, all);
  }

  const std::string help_;
  const Buckets buckets_;
  const Function<Histogram::Snapshot() const> read_;
};

template <class Number>
MetricFamily<Number>::MetricFamily(std::string_view help, std::span<const std::string_view> labels,
                                   std::size_t max_series, typename Number::Shape shape)
    : help_(help),
      labels_(labels.begin(), labels.end()),
      max_series_(max_series),
      shape_(std::move(shape)) {}

template <class Number>
Number& MetricFamily<Number>::with(std::span<const std::string_view> values) {
  KIT_ASSERT(values.size() == labels_.size(), "one value for each label of the metric");
  {
    std::shared_lock lock(mutex_);
    if (auto found = series_.find(values); found != series_.end()) return found->second.number;
  }
  std::unique_lock lock(mutex_);
  if (auto found = series_.find(values); found != series_.end()) return found->second.number;
  if (series_.size() >= max_series_ && !labels_.empty()) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return add(std::vector<std::string>(labels_.size(), std::string(overflow_value)));
  }
  return add(std::vector<std::string>(values.begin(), values.end()));
}

template <class Number>
Number& MetricFamily<Number>::add(std::vector<std::string> values) {
  std::string labels = detail::render_labels(labels_, values);
  return series_.try_emplace(std::move(values), shape_, std::move(labels)).first->second.number;
}

template <class Number>
Type MetricFamily<Number>::type() const {
  if constexpr (std::is_same_v<Number, Counter>) return Type::counter;
  return std::is_same_v<Number, Gauge> ? Type::gauge : Type::histogram;
}

template <class Number>
void MetricFamily<Number>::write(Exposition& out) const {
  std::shared_lock lock(mutex_);
  for (const auto& [values, series] : series_) write_series(out, series.labels, series.number);
}

template class MetricFamily<Counter>;
template class MetricFamily<Gauge>;
template class MetricFamily<Histogram>;

void HistogramFamily::write_counts(Exposition& out) const {
  std::shared_lock lock(mutex_);
  for (const auto& [values, series] : series_) {
    out.count(series.labels, series.number.snapshot().count());
  }
}

Registry::Registry() = default;
Registry::~Registry() = default;

template <class Family, class Shape>
Family& Registry::declare(std::string_view name, std::string_view help,
                          std::initializer_list<std::string_view> labels, std::size_t max_series,
                          const Shape& shape) {
  KIT_ASSERT(std::ranges::all_of(labels, is_name), "a label is named lower_case");
  std::unique_lock lock(mutex_);
  auto found = metrics_.find(name);
  if (found == metrics_.end()) {
    std::unique_ptr<detail::Metric> made(
        new Family(help, std::span(labels.begin(), labels.size()), max_series, shape));
    found = metrics_.emplace(std::string(name), std::move(made)).first;
  }
  auto* const family = dynamic_cast<Family*>(found->second.get());
  KIT_ASSERT(family != nullptr, "two metrics of one name");
  KIT_ASSERT(family->help_ == help && std::ranges::equal(family->labels_, labels) &&
                 family->shape_ == shape,
             "one metric declared in two ways");
  return *family;
}

Counter& Registry::counter(std::string_view name, std::string_view help) {
  return counters(name, help, {}).with({});
}

CounterFamily& Registry::counters(std::string_view name, std::string_view help,
                                  std::initializer_list<std::string_view> labels,
                                  std::size_t max_series) {
  KIT_ASSERT(is_name(name) && name.ends_with(counter_ending),
             "a counter is named lower_case and ends in _total");
  return declare<CounterFamily>(name, help, labels, max_series, Counter::Shape());
}

Gauge& Registry::gauge(std::string_view name, std::string_view help) {
  return gauges(name, help, {}).with({});
}

GaugeFamily& Registry::gauges(std::string_view name, std::string_view help,
                              std::initializer_list<std::string_view> labels,
                              std::size_t max_series) {
  KIT_ASSERT(is_name(name) && !name.ends_with(counter_ending),
             "a gauge is named lower_case and does not end in _total");
  return declare<GaugeFamily>(name, help, labels, max_series, Gauge::Shape());
}

HistogramFamily& Registry::histograms(std::string_view name, std::string_view help,
                                      std::initializer_list<std::string_view> labels,
                                      const Buckets& buckets, std::size_t max_series) {
  check_histogram_name(name, buckets);
  KIT_ASSERT(std::ranges::find(labels, "le") == labels.end(), "le is the label of the bounds");
  return declare<HistogramFamily>(name, help, labels, max_series, buckets);
}

void Registry::add(std::string_view name, std::unique_ptr<detail::Metric> metric) {
  KIT_ASSERT(is_name(name), "a metric is named lower_case");
  std::unique_lock lock(mutex_);
  KIT_ASSERT(!metrics_.contains(name), "two metrics of one name");
  metrics_.emplace(std::string(name), std::move(metric));
}

void Registry::add_counts(std::string_view name, std::string_view help,
                          const HistogramFamily& histograms) {
  KIT_ASSERT(name.ends_with(counter_ending), "a counter is named lower_case and ends in _total");
  add(name, std::make_unique<Counts>(help, histograms));
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

void Registry::add_histogram_reading(std::string_view name, std::string_view help,
                                     const Buckets& buckets,
                                     Function<Histogram::Snapshot() const> read) {
  check_histogram_name(name, buckets);
  add(name, std::make_unique<HistogramSource>(help, buckets, std::move(read)));
}

void Registry::add_source(std::string_view name, std::string_view help,
                          std::initializer_list<std::string_view> labels,
                          Function<std::vector<Reading>() const> read) {
  add(name, std::make_unique<Source>(type_of_reading(name), help, labels, std::move(read)));
}

void Registry::add_own_metrics() {
  add_readings("metrics_series_refused_total",
               "How often a metric had more combinations of labels than it may", {"metric"},
               [this] {
                 // The lock is the writer's already.
                 std::vector<Reading> readings;
                 for (const auto& [name, metric] : metrics_) {
                   if (const std::uint64_t refused = metric->refused(); refused > 0) {
                     readings.push_back({{name}, static_cast<double>(refused)});
                   }
                 }
                 return readings;
               });
}

void Registry::write(std::string& out, Format format, Timestamp now) const {
  std::shared_lock lock(mutex_);
  Exposition exposition(out, format, now);
  for (const auto& [name, metric] : metrics_) {
    std::string_view family = name;
    if (metric->type() == Type::counter) family.remove_suffix(counter_ending.size());
    const bool is_alone = family.size() == name.size() || !metrics_.contains(family);
    exposition.begin(name, metric->help(), metric->type(), is_alone);
    metric->write(exposition);
  }
  exposition.end();
}

}  // namespace kit::telemetry

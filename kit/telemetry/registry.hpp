// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/function.hpp"
#include "kit/telemetry/counter.hpp"
#include "kit/telemetry/exposition.hpp"
#include "kit/telemetry/gauge.hpp"
#include "kit/telemetry/histogram.hpp"

namespace kit::telemetry {

namespace detail {

/// What has a name in a registry.
class Metric {
 public:
  virtual ~Metric() = default;
  virtual Type type() const = 0;
  virtual const std::string& help() const = 0;
  /// The series, without the head.
  virtual void write(Exposition& out) const = 0;
  /// How often a new series was refused.
  virtual std::uint64_t refused() const { return 0; }
};

}  // namespace detail

/// Numbers of one name, each a `Number`, told apart by the values of their labels.
/// Thread safety: any thread.
template <class Number>
class MetricFamily : public detail::Metric {
 public:
  static constexpr std::size_t default_max_series = 1'000;

  /// The one of these values, one for each label, made when it is new; good as long as the
  /// registry: keep it. Once there are `max_series` of them, all new combinations share one whose
  /// labels are "other": what clients send must not fill the memory. `metrics_series_refused_total`
  /// says so.
  Number& with(std::initializer_list<std::string_view> values) {
    return with(std::span(values.begin(), values.size()));
  }
  Number& with(std::span<const std::string_view> values);

  /// Calls `use` with the label values and the number of each series that there is.
  template <class F>
  void each(F&& use) const {
    std::shared_lock lock(mutex_);
    for (const auto& [values, series] : series_) use(std::span(values), series.number);
  }

 private:
  friend class Registry;

 protected:
  MetricFamily(std::string_view help, std::span<const std::string_view> labels,
               std::size_t max_series, typename Number::Shape shape);

 private:
  detail::Type type() const override;
  const std::string& help() const override { return help_; }
  void write(detail::Exposition& out) const override;
  std::uint64_t refused() const override { return refused_.load(std::memory_order_relaxed); }
  Number& add(std::vector<std::string> values);

  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                          std::less<std::string_view>());
    }
  };
  struct Series {
    Series(const Number::Shape& shape, std::string rendered)
        : number(shape), labels(std::move(rendered)) {}
    Number number;
    std::string labels;  // as they are shown
  };
  friend class HistogramFamily;
  const std::string help_;
  const std::vector<std::string> labels_;
  const std::size_t max_series_;
  const Number::Shape shape_;
  std::atomic<std::uint64_t> refused_{0};
  mutable std::shared_mutex mutex_;
  std::map<std::vector<std::string>, Series, Less> series_;
};

class CounterFamily final : public MetricFamily<Counter> {
  friend class Registry;
  using MetricFamily::MetricFamily;
};
class GaugeFamily final : public MetricFamily<Gauge> {
  friend class Registry;
  using MetricFamily::MetricFamily;
};
class HistogramFamily final : public MetricFamily<Histogram> {
  friend class Registry;
  using MetricFamily::MetricFamily;
  /// How much was recorded in each series, as those of a counter.
  void write_counts(detail::Exposition& out) const;
};

/// A number of a metric with labels, and the label values it has.
struct Reading {
  std::vector<std::string> values;
  double number = 0;
};

/// All metrics of a process. Declaring a metric again gives the same one; declaring it differently
/// is a bug and aborts. Names follow Prometheus: counters end in "_total", histograms in "_seconds"
/// or "_bytes", labels are lower_case. Thread safety: any thread.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter& counter(std::string_view name, std::string_view help);
  CounterFamily& counters(std::string_view name, std::string_view help,
                          std::initializer_list<std::string_view> labels,
                          std::size_t max_series = CounterFamily::default_max_series);
  Gauge& gauge(std::string_view name, std::string_view help);
  GaugeFamily& gauges(std::string_view name, std::string_view help,
                      std::initializer_list<std::string_view> labels,
                      std::size_t max_series = GaugeFamily::default_max_series);
  /// `buckets` have the unit that `name` ends in.
  HistogramFamily& histograms(std::string_view name, std::string_view help,
                              std::initializer_list<std::string_view> labels,
                              const Buckets& buckets = Buckets::doubling(),
                              std::size_t max_series = HistogramFamily::default_max_series);
  /// A counter, which nobody has to count, of what `histograms` of this registry recorded. Its
  /// labels are theirs.
  void add_counts(std::string_view name, std::string_view help, const HistogramFamily& histograms);
  /// A number that is asked for when it is read: connections open now, lines lost. A counter when
  /// the name ends in "_total", a gauge otherwise. `read` may be called from any thread.
  void add_reading(std::string_view name, std::string_view help, Function<double() const> read);

  /// The same for a metric with labels: one number for each combination that there is now. Those
  /// past `CounterFamily::default_max_series` are left out.
  void add_readings(std::string_view name, std::string_view help,
                    std::initializer_list<std::string_view> labels,
                    Function<std::vector<Reading>() const> read);
  /// A histogram of what others count: `read` gives one count for each bucket, and the sum.
  void add_histogram_reading(std::string_view name, std::string_view help, const Buckets& buckets,
                             Function<Histogram::Snapshot() const> read);
  /// `metrics_series_refused_total`: which metrics had more combinations of labels than they may.
  void add_own_metrics();

  /// Appends everything, by name.
  void write(std::string& out, Format format, Timestamp now = Timestamp::now()) const;
  void write_text(std::string& out) const { write(out, Format::prometheus); }

 private:
  class Source;
  class HistogramSource;
  class Counts;
  template <class Family, class Shape>
  Family& declare(std::string_view name, std::string_view help,
                  std::initializer_list<std::string_view> labels, std::size_t max_series,
                  const Shape& shape);
  void add_source(std::string_view name, std::string_view help,
                  std::initializer_list<std::string_view> labels,
                  Function<std::vector<Reading>() const> read);
  void add(std::string_view name, std::unique_ptr<detail::Metric> metric);
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::unique_ptr<detail::Metric>, std::less<>> metrics_;
};

}  // namespace kit::telemetry

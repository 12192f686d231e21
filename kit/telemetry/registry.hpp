// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/function.hpp"
#include "kit/telemetry/counter.hpp"
#include "kit/telemetry/histogram.hpp"

namespace kit::telemetry {

/// Media type of `Registry::write_text`.
inline constexpr std::string_view text_media_type = "text/plain; version=0.0.4; charset=utf-8";

namespace detail {

/// What has a name in a registry.
class Metric {
 public:
  virtual ~Metric() = default;
  virtual void write(std::string& out, std::string_view name) const = 0;
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
  /// labels are "other": what clients send must not fill the memory.
  Number& with(std::initializer_list<std::string_view> values) {
    return with(std::span(values.begin(), values.size()));
  }
  Number& with(std::span<const std::string_view> values);

 private:
  friend class Registry;

 protected:
  MetricFamily(std::string_view help, std::span<const std::string_view> labels,
               std::size_t max_series);

 private:
  void write(std::string& out, std::string_view name) const override;

  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                          std::less<std::string_view>());
    }
  };
  const std::string help_;
  const std::vector<std::string> labels_;
  const std::size_t max_series_;
  mutable std::shared_mutex mutex_;
  std::map<std::vector<std::string>, Number, Less> series_;
};

class CounterFamily final : public MetricFamily<Counter> {
  friend class Registry;
  using MetricFamily::MetricFamily;
};
class HistogramFamily final : public MetricFamily<Histogram> {
  friend class Registry;
  using MetricFamily::MetricFamily;
};

/// A number of a metric with labels, and the label values it has.
struct Reading {
  std::vector<std::string> values;
  double number = 0;
};

/// All metrics of a process. Declaring a metric again gives the same one; declaring it differently
/// is a bug and aborts. Names follow Prometheus: counters end in "_total", histograms in
/// "_seconds", labels are lower_case. Thread safety: any thread.
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
  HistogramFamily& histograms(std::string_view name, std::string_view help,
                              std::initializer_list<std::string_view> labels,
                              std::size_t max_series = HistogramFamily::default_max_series);
  /// A number that is asked for when it is read: connections open now, lines lost. A counter when
  /// the name ends in
  /// "_total", a gauge otherwise. `read` may be called from any thread.
  void add_reading(std::string_view name, std::string_view help, Function<double() const> read);

  /// The same for a metric with labels: one number for each combination that there is now. Those
  /// past `CounterFamily::default_max_series` are left out.
  void add_readings(std::string_view name, std::string_view help,
                    std::initializer_list<std::string_view> labels,
                    Function<std::vector<Reading>() const> read);

  /// Appends everything in the Prometheus text format, by name.
  void write_text(std::string& out) const;

 private:
  class Source;
  template <class Family>
  Family& declare(std::string_view name, std::string_view help,
                  std::initializer_list<std::string_view> labels, std::size_t max_series);
  void add_source(std::string_view name, std::string_view help,
                  std::initializer_list<std::string_view> labels,
                  Function<std::vector<Reading>() const> read);
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::unique_ptr<detail::Metric>, std::less<>> metrics_;
};

}  // namespace kit::telemetry

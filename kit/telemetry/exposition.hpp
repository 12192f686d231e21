// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kit/base/text_writer.hpp"
#include "kit/base/time.hpp"
#include "kit/telemetry/exemplar.hpp"
#include "kit/telemetry/histogram.hpp"

namespace kit::telemetry {

/// In which text metrics are shown.
enum class Format : std::uint8_t {
  prometheus,    ///< Prometheus' own, 0.0.4: what everything reads.
  open_metrics,  ///< OpenMetrics 1.0: the only one that has exemplars.
};

std::string_view media_type(Format format);

/// What an Accept header wants; Prometheus' own format when it does not care, or wants neither.
/// Parameters that are not known are passed over.
Format choose_format(std::string_view accept);

/// As OpenMetrics wants numbers of labels: what Go prints, with ".0" where nothing says that it is
/// a float.
std::string canonical_float(double number);

namespace detail {

enum class Type : std::uint8_t { counter, gauge, histogram };

/// `method="GET",route="/x"`, with everything escaped that has to be; empty without labels.
std::string render_labels(std::span<const std::string> labels, std::span<const std::string> values);

/// Appends families one after the other. Lifetime: `out` outlives it, and may be looked at again
/// once it is gone.
class Exposition {
 public:
  /// `now`: exemplars that are too old for it are left out.
  Exposition(std::string& out, Format format, Timestamp now)
      : out_(out), format_(format), now_(now) {}

  /// Begins a family. `is_alone` is false when another one has the name of this counter without
  /// "_total", which OpenMetrics forbids.
  void begin(std::string_view name, std::string_view help, Type type, bool is_alone = true);
  /// A series of the family: `labels` are rendered.
  void sample(std::string_view labels, double number, const std::optional<Exemplar>& exemplar = {});
  void count(std::string_view labels, std::uint64_t number,
             const std::optional<Exemplar>& exemplar = {});
  /// `traced` has the exemplars; null: there are none.
  void histogram(std::string_view labels, const Buckets& buckets, const Histogram::Snapshot& all,
                 const Histogram* traced = nullptr);
  /// What follows the last family.
  void end();

 private:
  void append_series(std::string_view ending, std::string_view labels);
  void append_bucket(std::string_view labels, std::string_view bound, std::uint64_t count);
  void append_exemplar(const std::optional<Exemplar>& exemplar, double value);
  void append_escaped(std::string_view help);
  template <class T>
  void append_number(T number);

  TextWriter out_;
  const Format format_;
  const Timestamp now_;
  std::string_view name_;
};

}  // namespace detail
}  // namespace kit::telemetry

// SPDX-License-Identifier: Apache-2.0
#include "kit/json/scalar.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "kit/base/base64.hpp"
#include "kit/json/value.hpp"

namespace kit::json {
namespace {

// "must be a string, is a number"
bool refuse(Reader& in, std::string_view wanted, std::string& problem) {
  problem = "must be ";
  problem.append(wanted);
  const Kind kind = in.peek();
  if (kind != Kind::none) problem.append(", is ").append(describe(kind));
  return false;
}

/// A string that `parse` turns into a value.
template <class T, class Parse>
bool read_text(Reader& in, T& value, std::string_view wanted, std::string& problem, Parse parse) {
  const std::optional<std::string_view> text = in.try_string();
  if (!text) return refuse(in, wanted, problem);
  if (const std::optional<T> parsed = parse(*text)) {
    value = *parsed;
    return true;
  }
  problem = "must be ";
  problem.append(wanted);
  return false;
}

bool read_document(Reader& in, std::string& value, std::string& problem) {
  const std::optional<std::string_view> raw = in.raw_value();
  if (!raw) return false;
  Result<std::string> compacted = compact(*raw);
  if (!compacted) {
    problem = compacted.error().message();
    return false;
  }
  value = std::move(*compacted);
  return true;
}

}  // namespace

bool read_json(Reader& in, std::string& value, const Format& format, std::string& problem) {
  if (format.text == Format::Text::json) return read_document(in, value, problem);
  if (format.text == Format::Text::base64) {
    return read_text(in, value, "bytes in base64", problem, base64_decode);
  }
  const std::optional<std::string_view> text = in.try_string();
  if (!text) return refuse(in, "a string", problem);
  if (text->find('\0') != std::string_view::npos) {
    problem = "must not contain the character U+0000";
    return false;
  }
  value = *text;
  return true;
}

bool read_json(Reader& in, bool& value, const Format&, std::string& problem) {
  const std::optional<bool> flag = in.try_bool();
  if (!flag) return refuse(in, "true or false", problem);
  value = *flag;
  return true;
}

bool read_json(Reader& in, std::int64_t& value, const Format&, std::string& problem) {
  const std::optional<std::int64_t> number = in.try_int64();
  if (number) {
    value = *number;
    return true;
  }
  if (in.peek() != Kind::number) return refuse(in, "a whole number", problem);
  problem = "must be a whole number from -9223372036854775808 to 9223372036854775807";
  return false;
}

bool read_json(Reader& in, std::int32_t& value, const Format&, std::string& problem) {
  const std::optional<std::int64_t> number = in.try_int64();
  if (number && std::in_range<std::int32_t>(*number)) {
    value = static_cast<std::int32_t>(*number);
    return true;
  }
  if (!number && in.peek() != Kind::number) return refuse(in, "a whole number", problem);
  problem = "must be a whole number from -2147483648 to 2147483647";
  return false;
}

bool read_json(Reader& in, double& value, const Format&, std::string& problem) {
  const std::optional<double> number = in.try_double();
  if (number) {
    value = *number;
    return true;
  }
  if (in.peek() != Kind::number) return refuse(in, "a number", problem);
  problem = "is out of range";
  return false;
}

bool read_json(Reader& in, float& value, const Format& format, std::string& problem) {
  double wide = 0;
  if (!read_json(in, wide, format, problem)) return false;
  if (std::abs(wide) > static_cast<double>(std::numeric_limits<float>::max())) {
    problem = "is out of range";
    return false;
  }
  value = static_cast<float>(wide);
  return true;
}

bool read_json(Reader& in, Decimal& value, const Format& format, std::string& problem) {
  // As text where the client has it so; a JSON number is taken as written, never as a double.
  std::optional<std::string_view> text = in.try_string();
  if (!text) text = in.number_text();
  if (!text) return refuse(in, "a decimal number like \"12.50\"", problem);
  const std::optional<Decimal> number = Decimal::parse(*text);
  if (!number) {
    problem = "must be a decimal number like \"12.50\"";
    return false;
  }
  const std::optional<Decimal> scaled =
      number->fits(format.precision, format.scale) ? number->rescaled(format.scale) : std::nullopt;
  if (!scaled) {
    problem = "must have at most " + std::to_string(format.precision - format.scale) +
              " digits before the point and " + std::to_string(format.scale) + " after it";
    return false;
  }
  value = *scaled;
  return true;
}

bool read_json(Reader& in, Timestamp& value, const Format&, std::string& problem) {
  return read_text(in, value, "a timestamp like \"2021-01-31T13:45:00Z\"", problem,
                   [](std::string_view text) { return Timestamp::parse(text); });
}

bool read_json(Reader& in, Date& value, const Format&, std::string& problem) {
  return read_text(in, value, "a date like \"2021-01-31\"", problem, Date::parse);
}

bool read_json(Reader& in, TimeOfDay& value, const Format&, std::string& problem) {
  return read_text(in, value, "a time like \"13:45:00\"", problem, TimeOfDay::parse);
}

bool read_json(Reader& in, std::chrono::microseconds& value, const Format&, std::string& problem) {
  return read_text(in, value, "a duration like \"3.5s\"", problem, parse_duration);
}

bool read_json(Reader& in, Uuid& value, const Format&, std::string& problem) {
  return read_text(in, value, "a UUID", problem, Uuid::parse);
}

namespace detail {

bool begin_elements(Reader& in, std::string& problem) {
  return in.begin_array() || refuse(in, "an array", problem);
}

bool refuse_element(Reader& in, std::size_t index, std::string& problem) {
  if (in.failed()) return false;
  // To the end of the array, so that the next member is what comes next.
  while (in.next_element()) in.skip_value();
  problem.insert(0, "element " + std::to_string(index + 1) + " ");
  return false;
}

bool refuse_count(Reader& in, std::string& problem) {
  while (in.next_element()) in.skip_value();
  problem = "must have at most " + std::to_string(max_elements) + " elements";
  return false;
}

}  // namespace detail

}  // namespace kit::json

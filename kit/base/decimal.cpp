// SPDX-License-Identifier: Apache-2.0
#include "kit/base/decimal.hpp"

#include <algorithm>
#include <array>

namespace kit {
namespace {

constexpr int max_scale = Decimal::max_digits;

constexpr std::array<std::int64_t, 19> powers_of_ten = [] {
  std::array<std::int64_t, 19> powers{};
  std::int64_t power = 1;
  for (std::size_t i = 0; i < powers.size(); ++i) {
    powers[i] = power;
    if (i + 1 < powers.size()) power *= 10;
  }
  return powers;
}();

std::int64_t power_of_ten(int exponent) {
  return powers_of_ten[static_cast<std::size_t>(exponent)];
}

/// No number of more than `max_digits` digits.
constexpr std::int64_t limit = powers_of_ten[18] - 1;

bool fits_limit(std::int64_t unscaled) {
  return unscaled >= -limit && unscaled <= limit;
}

/// The same number without zeros at the end of its fraction.
Decimal stripped(const Decimal& decimal) {
  std::int64_t unscaled = decimal.unscaled();
  int scale = decimal.scale();
  while (scale > 0 && unscaled % 10 == 0) {
    unscaled /= 10;
    --scale;
  }
  return {unscaled, scale};
}

std::optional<Decimal> add_at(const Decimal& a, const Decimal& b, int scale) {
  auto left = a.rescaled(scale);
  auto right = b.rescaled(scale);
  if (!left || !right) return std::nullopt;
  Decimal sum(left->unscaled() + right->unscaled(), scale);  // at most 2e18: no overflow
  if (fits_limit(sum.unscaled())) return sum;
  sum = stripped(sum);
  return fits_limit(sum.unscaled()) ? std::optional(sum) : std::nullopt;
}

/// Takes pairs of factors 2 and 5 out of a product, a zero at its end each, so that no wider
/// integer is needed to see whether it fits.
void cancel_tens(std::int64_t& twos, std::int64_t& fives, int& scale, int lowest_scale) {
  while (scale > lowest_scale && twos % 2 == 0 && fives % 5 == 0) {
    twos /= 2;
    fives /= 5;
    --scale;
  }
}

}  // namespace

std::optional<Decimal> Decimal::parse(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::int64_t unscaled = 0;
  int scale = 0;
  int digits = 0;
  bool point = false;
  if (text.empty() || text.front() == '.' || text.back() == '.') return std::nullopt;
  for (char c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    if (digits > 0 || c != '0') ++digits;
    if (point) ++scale;
    if (digits > max_digits || scale > max_scale) return std::nullopt;
    unscaled = unscaled * 10 + (c - '0');
  }
  return Decimal(negative ? -unscaled : unscaled, scale);
}

std::optional<Decimal> Decimal::rescaled(int scale) const {
  if (scale < 0 || scale > max_scale) return std::nullopt;
  std::int64_t unscaled = unscaled_;
  if (scale < scale_) {
    std::int64_t divisor = power_of_ten(scale_ - scale);
    if (unscaled % divisor != 0) return std::nullopt;
    unscaled /= divisor;
  } else if (scale > scale_) {
    std::int64_t factor = power_of_ten(scale - scale_);
    if (unscaled > limit / factor || unscaled < -(limit / factor)) return std::nullopt;
    unscaled *= factor;
  }
  if (!fits_limit(unscaled)) return std::nullopt;
  return Decimal(unscaled, scale);
}

bool Decimal::fits(int precision, int scale) const {
  if (precision < 1 || precision > max_digits || scale < 0 || scale > precision) return false;
  auto exact = rescaled(scale);
  return exact && exact->unscaled_ < power_of_ten(precision) &&
         exact->unscaled_ > -power_of_ten(precision);
}

char* Decimal::write_to(char* to) const {
  std::array<char, max_text_size> buffer;
  std::size_t at = buffer.size();
  auto rest = static_cast<std::uint64_t>(unscaled_);
  if (unscaled_ < 0) rest = 0 - rest;
  int written = 0;
  do {
    buffer[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
    if (++written == scale_) buffer[--at] = '.';
  } while (rest != 0 || written <= scale_);
  if (unscaled_ < 0) buffer[--at] = '-';
  return std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(at), buffer.end(), to);
}

std::string Decimal::to_string() const {
  std::array<char, max_text_size> buffer;
  return {buffer.data(), write_to(buffer.data())};
}

std::strong_ordering operator<=>(const Decimal& a, const Decimal& b) {
  // Whole part first, then the fraction at the widest scale: neither can overflow.
  std::int64_t a_power = power_of_ten(a.scale_);
  std::int64_t b_power = power_of_ten(b.scale_);
  if (auto whole = a.unscaled_ / a_power <=> b.unscaled_ / b_power; whole != 0) return whole;
  return a.unscaled_ % a_power * power_of_ten(max_scale - a.scale_) <=>
         b.unscaled_ % b_power * power_of_ten(max_scale - b.scale_);
}

std::optional<Decimal> Decimal::add(const Decimal& a, const Decimal& b) {
  if (auto sum = add_at(a, b, std::max(a.scale_, b.scale_))) return sum;
  Decimal left = stripped(a);
  Decimal right = stripped(b);
  return add_at(left, right, std::max(left.scale_, right.scale_));
}

std::optional<Decimal> Decimal::subtract(const Decimal& a, const Decimal& b) {
  if (!fits_limit(b.unscaled_)) return std::nullopt;
  return add(a, Decimal(-b.unscaled_, b.scale_));
}

std::optional<Decimal> Decimal::multiply(const Decimal& a, const Decimal& b) {
  Decimal left = stripped(a);
  Decimal right = stripped(b);
  std::int64_t x = left.unscaled_;
  std::int64_t y = right.unscaled_;
  if (!fits_limit(x) || !fits_limit(y)) return std::nullopt;
  const int wanted_scale = std::min(a.scale_ + b.scale_, max_scale);
  if (x == 0 || y == 0) return Decimal(0, wanted_scale);
  int scale = left.scale_ + right.scale_;
  cancel_tens(x, y, scale, 0);
  cancel_tens(y, x, scale, 0);
  std::int64_t room = limit / std::max(y, -y);
  if (scale > max_scale || x > room || x < -room) return std::nullopt;
  std::int64_t product = x * y;
  while (scale < wanted_scale && product <= limit / 10 && product >= -(limit / 10)) {
    product *= 10;
    ++scale;
  }
  return Decimal(product, scale);
}

}  // namespace kit

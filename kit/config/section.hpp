// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kit/base/function.hpp"
#include "kit/base/secret.hpp"
#include "kit/config/codec.hpp"

namespace kit::config {

template <class T>
class FieldRules;

namespace detail {

struct State;

/// One setting: where its value goes and what it may be. Values are staged and reach the program
/// only together, when all of them are right.
class FieldBase {
 public:
  FieldBase() = default;
  FieldBase(const FieldBase&) = delete;
  FieldBase& operator=(const FieldBase&) = delete;
  virtual ~FieldBase() = default;

  virtual std::string_view type() const = 0;
  /// What goes behind "must be": "a whole number from 1 to 65535".
  virtual std::string expected() const = 0;
  virtual std::string default_text() const = 0;
  virtual std::string current_text() const = 0;
  /// The same, of a secret too.
  virtual Secret<std::string> exact_text() const { return Secret<std::string>(current_text()); }
  virtual void stage_default() = 0;
  /// False when the value is not as expected.
  virtual bool stage(const Raw& raw) = 0;
  virtual void commit() = 0;

  std::string path;  // "http.port"
  std::string_view doc;
  bool is_secret = false;
  bool is_required = false;
  std::string source;  // which layer set it; empty: none
};

template <class T>
class TypedField final : public FieldBase {
 public:
  explicit TypedField(T& target) : target_(target), default_(target), staged_(target) {
    is_secret = Codec<T>::type == "secret";
  }

  std::string_view type() const override { return Codec<T>::type; }
  std::string expected() const override {
    std::string text = expected_.empty() ? Codec<T>::expected() : expected_;
    std::optional<T> low = min_;
    std::optional<T> high = max_;
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      // What the type itself cannot hold is refused too; the widest ones go without saying.
      if (!low && (std::is_unsigned_v<T> || sizeof(T) < 8)) low = std::numeric_limits<T>::min();
      if (!high && sizeof(T) < 8) high = std::numeric_limits<T>::max();
    }
    if (low && high)
      return text + " from " + Codec<T>::format(*low) + " to " + Codec<T>::format(*high);
    if (low) return text + ", at least " + Codec<T>::format(*low);
    if (high) return text + ", at most " + Codec<T>::format(*high);
    return text;
  }
  std::string default_text() const override { return Codec<T>::format(default_); }
  std::string current_text() const override { return Codec<T>::format(target_); }
  Secret<std::string> exact_text() const override {
    if constexpr (requires(const T& a) { a.reveal(); }) {
      return Secret<std::string>(Codec<typename T::value_type>::format(target_.reveal()));
    } else {
      return FieldBase::exact_text();
    }
  }
  void stage_default() override { staged_ = default_; }
  bool stage(const Raw& raw) override {
    std::optional<T> value = Codec<T>::parse(raw);
    if (!value) return false;
    if constexpr (requires(const T& a) { a < a; }) {
      if ((min_ && *value < *min_) || (max_ && *max_ < *value)) return false;
    }
    if (accept_ && !accept_(*value)) return false;
    staged_ = *std::move(value);
    return true;
  }
  void commit() override { target_ = staged_; }

 private:
  friend class FieldRules<T>;
  T& target_;
  T default_;
  T staged_;
  std::optional<T> min_;
  std::optional<T> max_;
  std::string expected_;
  Function<bool(const T&)> accept_;
};

template <class E>
class EnumField final : public FieldBase {
 public:
  using Names = std::vector<std::pair<std::string_view, E>>;
  EnumField(E& target, Names names)
      : target_(target), default_(target), staged_(target), names_(std::move(names)) {}

  std::string_view type() const override { return "enum"; }
  std::string expected() const override {
    std::string text = "one of ";
    for (std::size_t i = 0; i < names_.size(); ++i)
      text.append(i == 0 ? "" : ", ").append(names_[i].first);
    return text;
  }
  std::string default_text() const override { return name_of(default_); }
  std::string current_text() const override { return name_of(target_); }
  void stage_default() override { staged_ = default_; }
  bool stage(const Raw& raw) override {
    if (raw.kind != Raw::Kind::text) return false;
    for (const auto& [name, value] : names_) {
      if (name != raw.text) continue;
      staged_ = value;
      return true;
    }
    return false;
  }
  void commit() override { target_ = staged_; }

 private:
  std::string name_of(E wanted) const {
    for (const auto& [name, value] : names_) {
      if (value == wanted) return std::string(name);
    }
    return "";
  }
  E& target_;
  E default_;
  E staged_;
  Names names_;
};

}  // namespace detail

/// Narrows what a setting may be; returned by `Section::field`.
template <class T>
class FieldRules {
 public:
  explicit FieldRules(detail::TypedField<T>& field) : field_(field) {}
  FieldRules& min(T value) { return field_.min_ = std::move(value), *this; }
  FieldRules& max(T value) { return field_.max_ = std::move(value), *this; }
  /// Some layer must set it.
  FieldRules& required() { return field_.is_required = true, *this; }
  /// Any other rule; `expected` follows "must be": "an absolute path".
  FieldRules& accept(std::string_view expected, Function<bool(const T&)> rule) {
    field_.expected_ = expected;
    field_.accept_ = std::move(rule);
    return *this;
  }

 private:
  detail::TypedField<T>& field_;
};

/// Where a module declares its settings, next to the plain struct that holds them:
///
///     struct HttpSettings { std::uint16_t port = 8080; std::chrono::milliseconds
///     idle_timeout{60'000}; }; inline void describe(kit::config::Section& section, HttpSettings&
///     s) {
///       section.field("port", s.port, "TCP port to listen on").min(1);
///       section.field("idle_timeout", s.idle_timeout, "a connection without a request is closed
///       after this");
///     }
///
/// The value a field has when it is declared is its default. Names are lower case with underscores,
/// `doc` starts lower case and has no full stop. Types: see `Codec`; enums with their names.
/// Lifetime: the targets outlive the loader's last `load()`.
class Section {
 public:
  template <class T>
    requires(!std::is_enum_v<T>)
  FieldRules<T> field(std::string_view name, T& target, std::string_view doc) {
    auto made = std::make_unique<detail::TypedField<T>>(target);
    auto& field = *made;
    add(name, doc, std::move(made));
    return FieldRules<T>(field);
  }

  template <class E>
    requires std::is_enum_v<E>
  void field(std::string_view name, E& target, std::string_view doc,
             std::initializer_list<std::pair<std::string_view, E>> names) {
    add(name, doc, std::make_unique<detail::EnumField<E>>(target, names));
  }

  /// A section inside this one.
  Section section(std::string_view name);

  /// A struct with its own `describe`, as a section inside this one.
  template <class Settings>
  void add_section(std::string_view name, Settings& settings) {
    Section inner = section(name);
    describe(inner, settings);
  }

 private:
  friend class Loader;
  Section(detail::State& state, std::string path) : state_(state), path_(std::move(path)) {}
  void add(std::string_view name, std::string_view doc, std::unique_ptr<detail::FieldBase> field);

  detail::State& state_;
  std::string path_;
};

}  // namespace kit::config

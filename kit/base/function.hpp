// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace kit {
namespace detail {

/// What the two forms of `Function` share. `Const`: the callable is called as a constant.
template <bool Const, class R, class... Args>
class FunctionBase {
 public:
  FunctionBase() = default;
  FunctionBase(std::nullptr_t) {}
  FunctionBase(FunctionBase&& other) noexcept { take(other); }
  FunctionBase& operator=(FunctionBase&& other) noexcept {
    if (this != &other) {
      destroy();
      take(other);
    }
    return *this;
  }
  ~FunctionBase() { destroy(); }

  explicit operator bool() const { return call_ != nullptr; }

 protected:
  template <class F>
  void emplace(F&& callable) {
    using Object = std::decay_t<F>;
    if constexpr (sizeof(Object) <= room && alignof(Object) <= alignof(void*) &&
                  std::is_nothrow_move_constructible_v<Object>) {
      ::new (static_cast<void*>(storage_)) Object(std::forward<F>(callable));
      call_ = [](void* storage, Args... args) -> R {
        return invoke(*static_cast<Object*>(storage), std::forward<Args>(args)...);
      };
      manage_ = [](void* from, void* to) {
        auto* const object = static_cast<Object*>(from);
        if (to != nullptr) ::new (to) Object(std::move(*object));
        std::destroy_at(object);
      };
    } else {
      ::new (static_cast<void*>(storage_)) Object*(new Object(std::forward<F>(callable)));
      call_ = [](void* storage, Args... args) -> R {
        return invoke(**static_cast<Object**>(storage), std::forward<Args>(args)...);
      };
      manage_ = [](void* from, void* to) {
        Object* object = *static_cast<Object**>(from);
        if (to != nullptr) {
          ::new (to) Object*(object);
        } else {
          delete object;
        }
      };
    }
  }

  /// Calling an empty one is undefined, as for `std::move_only_function`.
  R call(Args... args) const { return call_(storage_, std::forward<Args>(args)...); }

 private:
  /// Enough for a lambda with three pointers.
  static constexpr std::size_t room = 3 * sizeof(void*);

  template <class Object>
  static R invoke(Object& object, Args... args) {
    if constexpr (Const) {
      return static_cast<R>(std::as_const(object)(std::forward<Args>(args)...));
    } else {
      return static_cast<R>(object(std::forward<Args>(args)...));
    }
  }
  void take(FunctionBase& other) {
    if (other.call_ == nullptr) return;
    other.manage_(other.storage_, storage_);
    call_ = std::exchange(other.call_, nullptr);
    manage_ = std::exchange(other.manage_, nullptr);
  }
  void destroy() {
    if (call_ != nullptr) manage_(storage_, nullptr);
    call_ = nullptr;
  }

  alignas(void*) mutable std::byte storage_[room];
  R (*call_)(void* storage, Args... args) = nullptr;
  /// Moves what is in `from` to `to` and ends it there; without `to` only ends it.
  void (*manage_)(void* from, void* to) = nullptr;
};

template <class F, class Self, class R, class... Args>
concept CallableAs =
    !std::is_same_v<std::remove_cvref_t<F>, Self> &&
    requires(F& callable, Args... args) { static_cast<R>(callable(std::forward<Args>(args)...)); };

}  // namespace detail

/// An owned callable that moves but does not copy: what `std::move_only_function` is, without what
/// <functional> costs every file that is compiled (a tenth of a handler).
template <class Signature>
class Function;

template <class R, class... Args>
class Function<R(Args...)> : public detail::FunctionBase<false, R, Args...> {
 public:
  using detail::FunctionBase<false, R, Args...>::FunctionBase;
  template <detail::CallableAs<Function, R, Args...> F>
  Function(F&& callable) {
    this->emplace(std::forward<F>(callable));
  }
  R operator()(Args... args) { return this->call(std::forward<Args>(args)...); }
};

template <class R, class... Args>
class Function<R(Args...) const> : public detail::FunctionBase<true, R, Args...> {
 public:
  using detail::FunctionBase<true, R, Args...>::FunctionBase;
  template <detail::CallableAs<Function, R, Args...> F>
  Function(F&& callable) {
    this->emplace(std::forward<F>(callable));
  }
  R operator()(Args... args) const { return this->call(std::forward<Args>(args)...); }
};

template <class Signature>
class FunctionRef;

/// A callable borrowed for the length of one call: two pointers, no allocation.
/// Lifetime: must not outlive the callable it was made from.
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> &&
             std::is_invocable_r_v<R, F&, Args...>)
  FunctionRef(F&& callable)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}
  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

}  // namespace kit

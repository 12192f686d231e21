// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/context.hpp"
#include "kit/record/history.hpp"

namespace kit::rest {

/// The rows whose values stand in an answer that is going to be stored, by entity: what has to be
/// emptied when one of them is purged. Thread safety: one loop's thread. Lifetime: longer than the
/// tasks that run under it.
class ShownRows {
 public:
  /// Those of the request that runs now; null when its answer is not stored.
  static ShownRows* current() { return static_cast<ShownRows*>(Context::find_local(&key)); }

  void add(std::string_view entity, std::string row);
  const std::map<std::string, std::vector<std::string>, std::less<>>& all() const { return rows_; }

  /// Everything that the coroutine which has this calls until `leave` shows its rows here.
  class Entry {
   public:
    explicit Entry(ShownRows& rows) : local_{&key, &rows}, scope_(prepared()) {}
    void leave() { scope_.leave(); }

   private:
    Context& prepared() {
      context_.put(local_);
      return context_;
    }
    Context::Local local_;
    Context context_;
    Context::Scope scope_;
  };

 private:
  static const char key;
  std::map<std::string, std::vector<std::string>, std::less<>> rows_;
};

/// Said by whoever writes a row that may be purged into an answer.
template <class Id>
void note_shown(std::string_view entity, const Id& id) {
  if (ShownRows* rows = ShownRows::current()) rows->add(entity, record::row_key(id));
}

}  // namespace kit::rest

// SPDX-License-Identifier: Apache-2.0
#include "kit/validate/pattern.hpp"

#include <re2/re2.h>

#include "kit/base/assert.hpp"

namespace kit::validate {
namespace {

constexpr int max_program_bytes = 1024 * 1024;

RE2::Options options() {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(max_program_bytes);
  return options;
}

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

struct Pattern::Compiled {
  explicit Compiled(std::string_view expression) : re2(piece(expression), options()) {}
  RE2 re2;
};

Pattern::Pattern(std::string_view expression) : compiled_(std::make_unique<Compiled>(expression)) {
  KIT_ASSERT(compiled_->re2.ok(), "a pattern of the schema is no RE2 expression");
}

Pattern::~Pattern() = default;

bool Pattern::matches(std::string_view text) const {
  return RE2::FullMatch(piece(text), compiled_->re2);
}

std::string_view Pattern::expression() const {
  return compiled_->re2.pattern();
}

}  // namespace kit::validate

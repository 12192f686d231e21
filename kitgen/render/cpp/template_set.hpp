// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <kainjow/mustache.hpp>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace kitgen::render {

/// What templates see: names and ready pieces of code. Free text of the schema enters through
/// quote.hpp only.
using View = kainjow::mustache::data;

struct TemplateText {
  std::string_view name;  ///< "biz_entity.hpp"
  std::string_view text;
};

/// The files of kitgen/render/templates, embedded by the build.
std::span<const TemplateText> template_texts();

/// Every template, read once.
class TemplateSet {
 public:
  TemplateSet();
  /// Nothing is escaped: what is in `view` is code.
  std::string render(std::string_view name, const View& view) const;

 private:
  mutable std::map<std::string, kainjow::mustache::mustache, std::less<>> templates_;
};

}  // namespace kitgen::render

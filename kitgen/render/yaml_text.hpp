// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kitgen::render {

/// Block-style YAML under construction. Free text goes in through `text` only; `plain` is for what
/// the generator itself wrote.
class YamlText {
 public:
  /// `name:` and everything written until this object dies one level deeper.
  class Block {
   public:
    Block(YamlText& yaml, std::string_view name);
    ~Block() { --yaml_.depth_; }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

   private:
    YamlText& yaml_;
  };
  /// An element of a list: the first line written gets the dash.
  class Item {
   public:
    explicit Item(YamlText& yaml) : yaml_(yaml) {
      ++yaml_.depth_;
      yaml_.dash_ = true;
    }
    ~Item() { --yaml_.depth_; }
    Item(const Item&) = delete;
    Item& operator=(const Item&) = delete;

   private:
    YamlText& yaml_;
  };

  void plain(std::string_view name, std::string_view value);
  void text(std::string_view name, std::string_view value);      ///< Always quoted.
  void reference(std::string_view kind, std::string_view name);  ///< $ref to a component
  /// `name: [a, b]`, each quoted where needed.
  void list(std::string_view name, const std::vector<std::string>& values);
  void comment(std::string_view line);

  std::string take() { return std::move(text_); }

 private:
  void begin_line();
  std::string text_;
  std::size_t depth_ = 0;
  bool dash_ = false;
};

/// A key or word as YAML takes it: quoted when it would be read as something else.
std::string yaml_word(std::string_view word);

}  // namespace kitgen::render

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kitgen::cli {

/// A name of the schema that became another one, an entity's or the service's.
struct Renaming {
  std::string from;         ///< "Customer"; "shop"
  std::string to;           ///< "Client"; "store"
  std::string from_plural;  ///< "customers"; "" for a service
  std::string to_plural;    ///< "clients"
  bool is_service = false;
};

/// Renames what generated code calls after names of the schema: types, variables, files, words in
/// messages. All of them at once, so that two may change places.
class Renamer {
 public:
  explicit Renamer(const std::vector<Renaming>& renamings);

  bool empty() const { return forms_.empty(); }
  std::string renamed(std::string_view text) const;

  /// `yours` as if the names had always been the new ones: lines of `before` that stand there as
  /// they were are renamed, what a person wrote stays.
  std::string follow(std::string_view before, std::string_view yours) const;

  /// Lines of `text`, from 1, that have an old name and do not stand in `wanted` too.
  std::vector<std::size_t> old_names(std::string_view text, std::string_view wanted) const;

 private:
  struct Form {
    std::string from;
    std::string to;
    bool is_pascal = false;  ///< "Customer": part of "CustomerId"; otherwise a word between "_".
  };
  const Form* form_at(std::string_view text, std::size_t at) const;

  std::vector<Form> forms_;  ///< The longest first.
};

}  // namespace kitgen::cli

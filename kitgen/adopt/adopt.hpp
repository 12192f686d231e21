// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kit/base/result.hpp"
#include "kitgen/adopt/catalogue.hpp"

namespace kitgen::adopt {

struct Adopted {
  std::string schema;  ///< The text of api/NAME.yaml; loads without an error.
  std::size_t entities = 0;
  std::size_t fields = 0;
  std::size_t relations = 0;
  std::vector<std::string> notes;  ///< What the schema does not carry, as also said in its text.
};

/// A schema for what the catalogue describes. `service` may be "": the database's name. Fails with
/// `invalid_argument` when there is no table, or more of them than one schema can hold.
kit::Result<Adopted> adopt(const Catalogue& catalogue, const std::string& service);

}  // namespace kitgen::adopt

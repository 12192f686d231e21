// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "kit/app/application.hpp"

namespace kitgen::golden {

/// A case as part of the program that runs them all.
struct CompiledCase {
  std::string_view name;        ///< Of the case: "has_one".
  std::string_view migrations;  ///< Folder of its SQL.
  std::unique_ptr<kit::app::Service> (*make_service)(kit::db::Database& database);
};

/// Sorted by name. Written by write_units.cpp.
std::span<const CompiledCase> compiled_cases();

}  // namespace kitgen::golden

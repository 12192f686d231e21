// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "judge.hpp"

namespace attacks {

/// What became of the vectors of project Wycheproof.
struct Vectors {
  int seen = 0;
  int valid_taken = 0;
  int invalid_refused = 0;
  std::map<std::string, int> not_applicable;  ///< By why.
  std::vector<std::string> failures;
};

/// Runs the vectors of a file. A problem with the file itself is a failure too.
void run_vectors(const std::string& path, Defect defect, Vectors& vectors);

}  // namespace attacks

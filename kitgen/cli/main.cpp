// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/command.hpp"

int main(int argc, char** argv) {
  return kitgen::cli::run(argc, argv);
}

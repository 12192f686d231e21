// SPDX-License-Identifier: Apache-2.0
// Instead of writer.cpp, where libxlsxwriter is not there.
#include "kit/base/error.hpp"
#include "kit/xlsx/writer.hpp"

namespace kit::xlsx {

struct Writer::State {};

Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;
Writer::~Writer() = default;

bool is_available() {
  return false;
}

Result<Writer> Writer::open(std::span<const std::string_view>, WriteOptions) {
  return Error(Code::unimplemented, "this program was built without libxlsxwriter");
}

Result<> Writer::add(const csv::Fields&) {
  return Error(Code::unimplemented, "this program was built without libxlsxwriter");
}

Result<File> Writer::finish() {
  return Error(Code::unimplemented, "this program was built without libxlsxwriter");
}

}  // namespace kit::xlsx

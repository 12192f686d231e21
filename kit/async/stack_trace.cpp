// SPDX-License-Identifier: Apache-2.0
#include "kit/async/stack_trace.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>  // and with it the ELF types

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <span>
#include <string_view>

namespace kit {
namespace {

struct Symbol {
  std::uintptr_t begin = 0;
  std::uintptr_t size = 0;
  std::string name;
};

/// The functions of the executable itself, which the dynamic linker does not know: from its symbol
/// table, when it was not stripped.
class ExecutableSymbols {
 public:
  ExecutableSymbols() {
    ::dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* self) {
          static_cast<ExecutableSymbols*>(self)->base_ = info->dlpi_addr;
          return 1;  // the first one is the executable
        },
        this);
    std::ifstream file("/proc/self/exe", std::ios::binary);
    if (file) read(file);
    std::ranges::sort(symbols_, {}, &Symbol::begin);
  }

  const Symbol* find(std::uintptr_t address) const {
    auto after = std::ranges::upper_bound(symbols_, address - base_, {}, &Symbol::begin);
    if (after == symbols_.begin()) return nullptr;
    const Symbol& symbol = *--after;
    return address - base_ - symbol.begin < std::max<std::uintptr_t>(symbol.size, 1) ? &symbol
                                                                                     : nullptr;
  }
  std::uintptr_t base() const { return base_; }

 private:
  template <class T>
  static bool read_at(std::ifstream& file, std::uint64_t offset, std::span<T> to) {
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(to.size_bytes()));
    return file.good();
  }

  void read(std::ifstream& file) {
    ElfW(Ehdr) head{};
    if (!read_at(file, 0, std::span(&head, 1)) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
        head.e_shentsize != sizeof(ElfW(Shdr))) {
      return;
    }
    std::vector<ElfW(Shdr)> sections(head.e_shnum);
    if (!read_at(file, head.e_shoff, std::span(sections))) return;
    for (const auto& section : sections) {
      if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size()) continue;
      const auto& names = sections[section.sh_link];
      std::vector<ElfW(Sym)> table(section.sh_size / sizeof(ElfW(Sym)));
      std::string text(names.sh_size, '\0');
      if (!read_at(file, section.sh_offset, std::span(table)) ||
          !read_at(file, names.sh_offset, std::span(text))) {
        return;
      }
      for (const auto& entry : table) {
        if ((entry.st_info & 0xF) != STT_FUNC || entry.st_value == 0 ||
            entry.st_name >= text.size()) {
          continue;
        }
        symbols_.push_back({entry.st_value, entry.st_size, text.c_str() + entry.st_name});
      }
    }
  }

  std::uintptr_t base_ = 0;
  std::vector<Symbol> symbols_;
};

std::string with_offset(std::string text, std::uintptr_t offset) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), offset, 16).ptr;
  text.append(" +0x").append(digits.data(), end);
  return text;
}

/// Read when somebody first asks.
const ExecutableSymbols& executable_symbols() {
  static const ExecutableSymbols symbols;
  return symbols;
}

std::string file_name(const char* path) {
  const std::string_view text = path;
  return std::string(text.substr(text.rfind('/') + 1));
}

std::string describe_address(const ExecutableSymbols& symbols, const void* return_address) {
  const auto address = reinterpret_cast<std::uintptr_t>(return_address);
  // A return address is behind its call, which may be the last instruction of a function.
  const char* const call = static_cast<const char*>(return_address) - 1;
  if (const Symbol* symbol = symbols.find(address - 1)) {
    return with_offset(demangle(symbol->name.c_str()), address - symbols.base() - symbol->begin);
  }
  Dl_info info{};
  if (::dladdr(call, &info) == 0 || info.dli_fname == nullptr) {
    return with_offset("unknown", address);
  }
  if (info.dli_sname != nullptr) {
    return with_offset(demangle(info.dli_sname),
                       address - reinterpret_cast<std::uintptr_t>(info.dli_saddr));
  }
  return with_offset(file_name(info.dli_fname),
                     address - reinterpret_cast<std::uintptr_t>(info.dli_fbase));
}

/// How one task resumes another, which says nothing about the program.
bool is_machinery(std::string_view line) {
  const std::string_view name = line.substr(0, line.find('('));
  return name.find("kit::detail::") != std::string_view::npos ||
         name.starts_with("std::__n4861::coroutine_handle");
}

}  // namespace

StackTrace StackTrace::capture(std::size_t skip) {
  std::array<void*, most + 8> found{};
  const int count = ::backtrace(found.data(), static_cast<int>(found.size()));
  StackTrace trace;
  for (std::size_t i = skip + 1; i < static_cast<std::size_t>(count) && trace.size < most; ++i) {
    trace.addresses[trace.size++] = found[i];
  }
  return trace;
}

std::vector<std::string> describe(const StackTrace& trace) {
  const ExecutableSymbols& symbols = executable_symbols();
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < trace.size; ++i) {
    std::string line = describe_address(symbols, trace.addresses[i]);
    if (!is_machinery(line)) lines.push_back(std::move(line));
  }
  return lines;
}

std::string function_at(const void* address) {
  const ExecutableSymbols& symbols = executable_symbols();
  if (const Symbol* symbol = symbols.find(reinterpret_cast<std::uintptr_t>(address))) {
    return demangle(symbol->name.c_str());
  }
  Dl_info info{};
  if (::dladdr(address, &info) == 0 || info.dli_fname == nullptr) return "unknown";
  return info.dli_sname != nullptr ? demangle(info.dli_sname) : file_name(info.dli_fname);
}

std::string demangle(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
  return status == 0 ? std::string(text.get()) : std::string(name);
}

}  // namespace kit

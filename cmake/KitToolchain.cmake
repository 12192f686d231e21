# SPDX-License-Identifier: Apache-2.0
# Compiler flags of the whole tree: warnings are errors, hardening (docs/adr/0007-dependencies.md names the threat),
# ccache and mold when present.
include_guard(GLOBAL)

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "kit needs clang 19 or g++ 12; this is clang ${CMAKE_CXX_COMPILER_VERSION}. "
                      "Try: cmake --preset release (it names clang++-19)")
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "kit needs clang 19 or g++ 12; this is g++ ${CMAKE_CXX_COMPILER_VERSION}.")
endif()

set(KIT_WARNINGS -Wall -Wextra -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 needs tail calls for coroutines at every level, and warns wrongly about inlined std::string code.
  add_compile_options(-foptimize-sibling-calls)
  list(APPEND KIT_WARNINGS -Wno-maybe-uninitialized -Wno-restrict -Wno-dangling-pointer
       -Wno-stringop-overflow -Wno-array-bounds)
endif()

# -O2 is what the measurements in docs/adr used; -O3 makes the build a third longer for nothing measurable.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

if(KIT_SANITIZE)
  add_compile_options(-fsanitize=${KIT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${KIT_SANITIZE})
endif()
if(KIT_FUZZ)
  # The library is instrumented for coverage as well; each fuzzer adds libFuzzer's main().
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Hardening: position-independent executables, full RELRO, stack and control-flow protection everywhere; what needs an
# optimiser only where there is one.
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)
add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection)
add_link_options(LINKER:-z,relro,-z,now)
if(CMAKE_BUILD_TYPE MATCHES "Release|RelWithDebInfo" AND NOT KIT_SANITIZE)
  add_compile_options(-ftrivial-auto-var-init=zero)
  add_compile_definitions(_FORTIFY_SOURCE=3 _GLIBCXX_ASSERTIONS)
endif()

find_program(KIT_CCACHE ccache)
if(KIT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${KIT_CCACHE})
endif()
find_program(KIT_MOLD mold)
if(KIT_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

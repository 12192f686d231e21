# SPDX-License-Identifier: Apache-2.0
# The build of a service in one call; what kitgen writes into a new project.
#
#   kit_application(shop
#     SOURCES main.cpp internal/...     # every .cpp of the service
#     OPENAPI internal/api/openapi.gen.yaml   # embedded: kit::app::web::openapi()
#     LIBRARIES ...)                    # besides kit::app and kit::sqlite
#
# gives the executable `shop`, with the project folder as include root, kit's warnings as errors and its hardening.
include_guard(GLOBAL)

# What generated code is written against, parsed once: a third of what a handler takes to compile. clang only: with g++ every
# file shows that it includes what it uses. For ccache to keep such files, CCACHE_SLOPPINESS has to be pch_defines,time_macros.
function(kit_precompile_generated target)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    target_precompile_headers(${target} PRIVATE <kit/db/database.hpp> <kit/db/import.hpp> <kit/db/list_query.hpp>
      <kit/http/router.hpp> <kit/json/writer.hpp> <kit/record/page.hpp> <kit/record/parameters.hpp>
      <kit/record/row_reader.hpp> <kit/record/write.hpp> <kit/rest/entity_tag.hpp> <kit/rest/input.hpp>
      <kit/rest/list_request.hpp> <kit/rest/request.hpp>)
  endif()
endfunction()

function(kit_application name)
  cmake_parse_arguments(arg "" "OPENAPI" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "kit_application(${name}): no SOURCES")
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_compile_features(${name} PRIVATE cxx_std_23)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wconversion -Wshadow -Werror
    -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  target_link_options(${name} PRIVATE LINKER:-z,relro,-z,now)
  if(NOT DEFINED KIT_WARNINGS)  # outside kit's own build, which sets these for everything
    set(optimised $<CONFIG:Release,RelWithDebInfo,MinSizeRel>)
    target_compile_options(${name} PRIVATE $<${optimised}:-ftrivial-auto-var-init=zero>)
    target_compile_definitions(${name} PRIVATE $<${optimised}:_FORTIFY_SOURCE=3> $<${optimised}:_GLIBCXX_ASSERTIONS>)
    # CMake says -O3, which takes longer to compile for nothing measurable; the last one counts.
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O2>)
    find_program(KIT_MOLD mold)
    if(KIT_MOLD)
      target_link_options(${name} PRIVATE -fuse-ld=mold)
    endif()
  endif()
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  find_program(KIT_CCACHE ccache)
  if(KIT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set_target_properties(${name} PROPERTIES CXX_COMPILER_LAUNCHER ${KIT_CCACHE})
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12: coroutines need tail calls at every level; the warnings are known to be wrong about inlined strings.
    target_compile_options(${name} PRIVATE -foptimize-sibling-calls -Wno-maybe-uninitialized -Wno-restrict
      -Wno-dangling-pointer -Wno-stringop-overflow -Wno-array-bounds)
  endif()
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  # app runs it; the generated layers are written against rest, record and validate.
  target_link_libraries(${name} PRIVATE kit::app kit::rest kit::record kit::validate ${arg_LIBRARIES})
  if(TARGET kit::sqlite)
    target_link_libraries(${name} PRIVATE kit::sqlite)
  endif()
  kit_precompile_generated(${name})
  if(arg_OPENAPI)
    kit_embed(${name} NAME openapi FILES ${arg_OPENAPI})
  endif()
endfunction()

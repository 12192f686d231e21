# SPDX-License-Identifier: Apache-2.0
# One call per module: the library, its tests, benchmarks and fuzzers, all standing side by side.
#
#   kit_module(http
#     SOURCES    parser.cpp ...        # nothing: the module is headers only
#     DEPENDS    base async net        # other kit modules, as in layers.txt
#     VENDORS    OpenSSL::SSL ...      # targets of outside libraries, linked privately
#     TESTS      parser_test.cpp ...   # one gtest executable, kit_<module>_test, registered in ctest
#     TEST_DEPENDS testing             # modules only the tests need
#     FUZZERS    parser_fuzz.cpp ...   # each: kit_<name>; its corpus tests/corpus/<name> is replayed in ctest
#     BENCHES    parser_bench.cpp ...) # google-benchmark executables, built by the `bench` target only
include_guard(GLOBAL)

# Every unit test and corpus replay (ctest label "unit"), and those that run threads (label "threads"): what the sanitizer
# stages of `make test` build. See tools/test.sh.
if(KIT_BUILD_TESTS)
  add_custom_target(unit_tests)
  add_custom_target(thread_tests)
endif()
set(KIT_THREAD_TESTS "^kit_(async|log|net|http|db|queue|cache|jobs|sqlite|telemetry|resilience|security|middleware|app|testing).*_test$")

function(kit_register_test name target)
  set(labels unit)
  add_dependencies(unit_tests ${target})
  if(target MATCHES "${KIT_THREAD_TESTS}")
    add_dependencies(thread_tests ${target})
    list(APPEND labels threads)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS "${labels}")
endfunction()

# The target's KIT_FAILPOINT()s act, in builds that have them. Target by target, since a definition for all would make every
# file of a build with tests another one.
function(kit_failpoints target)
  if(KIT_FAILPOINTS)
    target_compile_definitions(${target} PRIVATE KIT_FAILPOINTS)
  endif()
endfunction()

function(kit_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_23)
  target_compile_options(${target} PRIVATE ${KIT_WARNINGS})
endfunction()

# A fuzzer is one function, LLVMFuzzerTestOneInput. With KIT_FUZZ it is linked against libFuzzer, otherwise
# against a small main() that replays the corpus, so every finding stays a plain test.
function(kit_fuzzer source)
  cmake_parse_arguments(arg "" "" "LIBRARIES" ${ARGN})
  get_filename_component(name ${source} NAME_WE)
  set(target kit_${name})
  add_executable(${target} ${source})
  kit_compile_options(${target})
  target_link_libraries(${target} PRIVATE ${arg_LIBRARIES})
  if(KIT_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${target} PRIVATE ${KIT_SOURCE_DIR}/tests/corpus/replay_main.cpp)
    add_test(NAME corpus.${name} COMMAND ${target} ${KIT_SOURCE_DIR}/tests/corpus/${name})
    kit_register_test(corpus.${name} ${target})
  endif()
  set_property(GLOBAL APPEND PROPERTY KIT_FUZZERS ${target})
endfunction()

function(kit_gtest target)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${target} ${arg_SOURCES})
  kit_compile_options(${target})
  target_compile_definitions(${target} PRIVATE KIT_SOURCE_DIR="${KIT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE ${arg_LIBRARIES} GTest::gmock GTest::gtest_main)
  add_test(NAME ${target} COMMAND ${target})
  kit_register_test(${target} ${target})
endfunction()

function(kit_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;VENDORS;TESTS;TEST_DEPENDS;FUZZERS;BENCHES" ${ARGN})
  set(target kit_${name})
  list(TRANSFORM arg_DEPENDS PREPEND kit:: OUTPUT_VARIABLE depends)
  list(TRANSFORM arg_TEST_DEPENDS PREPEND kit:: OUTPUT_VARIABLE test_depends)
  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    kit_compile_options(${target})
    target_include_directories(${target} PUBLIC
      $<BUILD_INTERFACE:${KIT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target} PUBLIC ${depends} PRIVATE ${arg_VENDORS})
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE
      $<BUILD_INTERFACE:${KIT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target} INTERFACE ${depends} ${arg_VENDORS})
  endif()
  add_library(kit::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  set_property(GLOBAL APPEND PROPERTY KIT_MODULES ${target})
  if(KIT_BUILD_TESTS)
    if(arg_TESTS)
      kit_gtest(${target}_test SOURCES ${arg_TESTS} LIBRARIES ${target} ${arg_VENDORS} ${test_depends})
    endif()
    foreach(source IN LISTS arg_FUZZERS)
      kit_fuzzer(${source} LIBRARIES ${target} ${test_depends})
    endforeach()
    foreach(source IN LISTS arg_BENCHES)
      get_filename_component(bench ${source} NAME_WE)
      add_executable(kit_${bench} EXCLUDE_FROM_ALL ${source})
      kit_compile_options(kit_${bench})
      target_link_libraries(kit_${bench} PRIVATE ${target} ${test_depends} benchmark::benchmark_main)
    endforeach()
  endif()
endfunction()

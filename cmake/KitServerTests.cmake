# SPDX-License-Identifier: Apache-2.0
# Tests of a program whose rows are on a real server: each once for every server that this build speaks to, with a server of
# its own around it (tests/databases/with_server.py). Not installed.
#
#   kit_server_tests(store data COMMAND python3 -B data_test.py ENVIRONMENT "STORE_BINARY=$<TARGET_FILE:store>" TIMEOUT 900)
#
# adds store.postgres.data and store.mariadb.data, run in the folder that says so.
include_guard(GLOBAL)

function(kit_server_tests prefix name)
  cmake_parse_arguments(arg "" "TIMEOUT" "COMMAND;ENVIRONMENT" ${ARGN})
  if(KIT_SANITIZE MATCHES thread)
    return()
  endif()
  find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)
  foreach(pair postgres:postgres mysql:mariadb)
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 adapter)
    list(GET pair 1 kind)
    if(NOT TARGET kit::${adapter})
      continue()
    endif()
    set(test ${prefix}.${kind}.${name})
    add_test(NAME ${test}
      COMMAND ${Python3_EXECUTABLE} -B ${KIT_SOURCE_DIR}/tests/databases/with_server.py ${kind} ${arg_COMMAND}
      WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(${test} PROPERTIES ENVIRONMENT "${arg_ENVIRONMENT}" TIMEOUT ${arg_TIMEOUT} LABELS "example;database")
  endforeach()
endfunction()

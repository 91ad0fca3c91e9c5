# add_test_executable(NAME SOURCES FILE... LINK TARGET...): with GoogleTest and its main().
function(add_test_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE "${NORMBENCH_COLD}")
  target_precompile_headers(${name} PRIVATE <gtest/gtest.h>)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest_main)
endfunction()

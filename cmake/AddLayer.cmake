# add_layer(NAME SOURCES ... LINK ...): one folder of harness/ as the target normbench_NAME.
# Includes are written from the root of the project; tests/layers_test.py keeps their directions.
function(add_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(normbench_${name} STATIC ${ARG_SOURCES})
  target_include_directories(normbench_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(normbench_${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()

# add_plugin(NAME SOURCE FILE [PARTS FILE...] [LINK TARGET...] [OPTIONS FLAG...]
#            [MAKE FUNCTION | TABLE])
#
# A backend in a shared object of its own, plugins/libNAME.so of the build folder, for --plugin. It is
# called NAME, whatever its file says. FILE is either C++ that defines
#   std::unique_ptr<normbench::Backend> FUNCTION();         (make_NAME, dashes become underscores)
# as every file of impls/ does; or with TABLE, and where it is not C++, it has the table of
# harness/plugin/normbench.h itself, and the name that this has.
# Needs nothing else of this project: include(.../cmake/AddPlugin.cmake) works in any other.
set(normbench_root ${CMAKE_CURRENT_LIST_DIR}/..)
cmake_path(NORMAL_PATH normbench_root)
set_property(GLOBAL PROPERTY NORMBENCH_ROOT ${normbench_root})

function(add_plugin name)
  cmake_parse_arguments(ARG "TABLE" "SOURCE;MAKE" "PARTS;LINK;OPTIONS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_SOURCE)
    message(FATAL_ERROR "add_plugin(${name}): wants SOURCE FILE, and does not know "
                        "'${ARG_UNPARSED_ARGUMENTS}'")
  endif()
  get_property(root GLOBAL PROPERTY NORMBENCH_ROOT)
  string(MAKE_C_IDENTIFIER ${name} symbol)
  set(target normbench_plugin_${symbol})
  add_library(${target} MODULE ${ARG_SOURCE} ${ARG_PARTS})
  if(ARG_SOURCE MATCHES "[.](cpp|cc|cxx)$" AND NOT ARG_TABLE)
    if(NOT ARG_MAKE)
      set(ARG_MAKE make_${symbol})
    endif()
    # Compiled into it, as its flags may change how types are laid out.
    file(GLOB core CONFIGURE_DEPENDS ${root}/harness/core/*.cpp)
    target_sources(${target} PRIVATE ${core} ${root}/harness/plugin/export.cpp)
    target_compile_definitions(${target} PRIVATE NORMBENCH_MAKE=${ARG_MAKE}
                                                 NORMBENCH_PLUGIN_NAME="${name}")
    target_compile_features(${target} PRIVATE cxx_std_20)
  endif()
  target_include_directories(${target} PRIVATE ${root} ${root}/harness/plugin)
  target_compile_options(${target} PRIVATE ${ARG_OPTIONS})
  # Whatever else the process has loaded shares no symbol with it.
  target_link_options(${target} PRIVATE
                      -Wl,--version-script=${root}/harness/plugin/symbols.map)
  target_link_libraries(${target} PRIVATE ${ARG_LINK})
  # Without a soname: NAME may be that of a library that the plugin needs.
  set_target_properties(
    ${target} PROPERTIES OUTPUT_NAME ${name} PREFIX lib NO_SONAME ON
                         LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins
                         CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden)
endfunction()

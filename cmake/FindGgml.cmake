# ggml on CPUs as the target Ggml::Ggml: its headers, libggml-cpu and libggml-base, by name.
find_path(Ggml_INCLUDE_DIR ggml-cpu.h)
find_library(Ggml_LIBRARY ggml-cpu PATH_SUFFIXES lib64)
find_library(Ggml_BASE_LIBRARY ggml-base PATH_SUFFIXES lib64)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Ggml REQUIRED_VARS Ggml_LIBRARY Ggml_BASE_LIBRARY Ggml_INCLUDE_DIR)
if(Ggml_FOUND AND NOT TARGET Ggml::Ggml)
  add_library(Ggml::Ggml UNKNOWN IMPORTED)
  set_target_properties(Ggml::Ggml PROPERTIES IMPORTED_LOCATION ${Ggml_LIBRARY}
                        INTERFACE_LINK_LIBRARIES ${Ggml_BASE_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${Ggml_INCLUDE_DIR})
endif()

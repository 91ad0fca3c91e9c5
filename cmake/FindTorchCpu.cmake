# The CPU part of libtorch as the target TorchCpu::TorchCpu. Debian's package has no TorchConfig.cmake;
# this looks for the headers and the libraries by name.
find_path(TorchCpu_INCLUDE_DIR ATen/ATen.h)
find_library(TorchCpu_LIBRARY torch_cpu)
find_library(TorchCpu_C10_LIBRARY c10)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(TorchCpu REQUIRED_VARS TorchCpu_LIBRARY TorchCpu_C10_LIBRARY
                                                         TorchCpu_INCLUDE_DIR)
if(TorchCpu_FOUND AND NOT TARGET TorchCpu::TorchCpu)
  add_library(TorchCpu::TorchCpu UNKNOWN IMPORTED)
  set_target_properties(TorchCpu::TorchCpu PROPERTIES IMPORTED_LOCATION ${TorchCpu_LIBRARY}
                        INTERFACE_LINK_LIBRARIES ${TorchCpu_C10_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${TorchCpu_INCLUDE_DIR})
endif()

// The target of libFuzzer for files of state: build it with -D NORMBENCH_FUZZ=ON and clang.
#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/nn/file_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  normbench::nn::survives(std::as_bytes(std::span(data, size)));
  return 0;
}

// Is written in C++, and lets an exception out of the C interface.
#include <stdexcept>

#include "harness/plugin/normbench.h"

namespace {

const char* unsupported(const normbench_problem*) { return nullptr; }

void* prepare(const normbench_problem*, const normbench_buffer* const*, std::size_t, std::int32_t,
              const char**) {
  static int kernel = 0;
  return &kernel;
}

void run(void*) { throw std::runtime_error("out of luck"); }

void destroy(void*) {}

}  // namespace

const normbench_backend* normbench_plugin() {
  static const normbench_backend table = {.magic = NORMBENCH_MAGIC,
                                          .abi = NORMBENCH_ABI,
                                          .size = sizeof(normbench_backend),
                                          .name = "throws",
                                          .version = "1",
                                          .unsupported = unsupported,
                                          .prepare = prepare,
                                          .run = run,
                                          .destroy = destroy,
                                          .load = nullptr,
                                          .collect = nullptr,
                                          .failure = nullptr,
                                          .detail = nullptr,
                                          .accuracy = nullptr,
                                          .native_layout = 0};
  return &table;
}

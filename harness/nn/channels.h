// Loops over values that know their channel.
#pragma once

#include <cstdint>

namespace normbench::nn {

// Calls work(at, k) for every value, `at` in the order of memory and k its channel: each of `rows`
// has `inner` values of every channel, one channel after the other. Rows are shared by threads.
template <class Work>
void for_each_value(std::int64_t rows, std::int64_t channels, std::int64_t inner, int threads,
                    Work work) {
#pragma omp parallel for num_threads(threads) if (threads > 1)
  for (std::int64_t row = 0; row < rows; ++row) {
    if (inner == 1) {  // Channels side by side are a loop of their own, which becomes vectors.
      for (std::int64_t k = 0; k < channels; ++k) work(row * channels + k, k);
      continue;
    }
    for (std::int64_t k = 0; k < channels; ++k) {
      const std::int64_t first = (row * channels + k) * inner;
      for (std::int64_t at = first; at < first + inner; ++at) work(at, k);
    }
  }
}

}  // namespace normbench::nn

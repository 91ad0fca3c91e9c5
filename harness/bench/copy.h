// The ceiling: a copy, which no normalization that reads x and writes y can beat by much.
#pragma once

#include <memory>
#include <string_view>

#include "harness/core/backend.h"

namespace normbench {

// plain: ordinary stores, which first read what they overwrite once it is not in a cache.
// streaming: stores that go around the caches; plain where the machine has none.
enum class Store { kPlainLoop, kPlainLibrary, kStreaming };

// "plain" or "streaming".
std::string_view name(Store store);

// A kernel that copies `from` to `to` (same size) with `threads` threads.
std::unique_ptr<Kernel> make_copy(const Tensor& from, const Tensor& to, int threads, Store store);

}  // namespace normbench

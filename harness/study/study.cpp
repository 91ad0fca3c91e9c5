// Measurements side by side, and their lines in order.
#include "harness/study/study.h"

#include <fmt/format.h>
#include <sched.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <map>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#include "harness/bench/machine.h"

namespace normbench::study {
namespace {

using nlohmann::ordered_json;

constexpr std::array kStudies = {
    Study{"convergence", "What do norms change in how fast and how surely a network learns?", false,
          convergence},
    Study{"same-curve", "Is it the same training on every backend?", false, same_curve},
    Study{"mini-batch", "What do small mini-batches cost batch norm?", false, mini_batch},
    Study{"drift", "How far do running statistics lag behind?", false, drift},
    Study{"cost", "Which share of training and inference is normalization?", true, cost}};

ordered_json line_of(const Measurement& measurement) {
  ordered_json line = measurement.keys;
  try {
    ordered_json measured = ordered_json::object();
    measurement.measure(measured);
    line["outcome"] = "measured";
    line.update(measured);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    line["outcome"] = "refused";
    line["reason"] = error.what();
  }
  return line;
}

void bind_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof(set), &set);  // where it fails, it runs elsewhere
}

}  // namespace

std::span<const Study> studies() { return kStudies; }

bool measure(std::span<const Measurement> measurements, int threads,
             const std::function<bool(std::size_t)>& stop,
             const std::function<void(const ordered_json&)>& take) {
  std::map<std::size_t, ordered_json> waiting;  // for those before them
  std::size_t next = 0;
  std::size_t taken = 0;
  bool stopped = false;
  std::exception_ptr failure;
  std::mutex mutex;  // of all above
  const auto work = [&] {
    std::unique_lock lock(mutex);
    while (next < measurements.size() && !stopped && !failure) {
      stopped = stop(taken + waiting.size());
      if (stopped) break;
      const std::size_t at = next++;
      lock.unlock();
      ordered_json line;
      std::exception_ptr own;
      try {
        line = line_of(measurements[at]);
      } catch (...) {
        own = std::current_exception();
      }
      lock.lock();
      try {
        if (own) std::rethrow_exception(own);
        waiting.emplace(at, std::move(line));
        while (!failure && !waiting.empty() && waiting.begin()->first == taken) {
          take(waiting.begin()->second);
          waiting.erase(waiting.begin());
          ++taken;
        }
      } catch (...) {
        failure = std::current_exception();
      }
    }
  };
  if (threads == 1) {
    work();
  } else {
    // Not those of OpenMP: a backend that shares work or waits there would do so with its neighbor.
    const std::vector<int> cpus = affinity_cpus();
    std::vector<std::jthread> team;
    for (int thread = 0; thread < threads; ++thread) {
      team.emplace_back([&, thread] {
        // It inherits the one CPU that OpenMP has bound its maker to.
        if (!cpus.empty()) bind_to(cpus[static_cast<std::size_t>(thread) % cpus.size()]);
        work();
      });
    }
  }
  if (failure) std::rethrow_exception(failure);
  for (const auto& [at, line] : waiting) take(line);
  return !stopped;
}

double rounded(double value) {
  return std::isfinite(value) ? std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr) : value;
}

std::vector<double> rounded(std::vector<double> values) {
  for (double& value : values) value = rounded(value);
  return values;
}

}  // namespace normbench::study

// Faults in when things are done: prepare, load, run, collect, and what is left behind.
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#ifdef __SSE2__
#include <xmmintrin.h>
#endif

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

const Problem kTraining = batch_norm(Pass::kForwardTraining, 8, 5, 7);
const Problem kInference = batch_norm(Pass::kForwardInference, 8, 5, 7);

void remember_y(const Work& work) {
  const auto y = work.arguments.y.as<float>();
  work.memory.assign(y.begin(), y.end());
}

void hand_out_remembered_y(const Work& work) {
  std::copy(work.memory.begin(), work.memory.end(), work.arguments.y.as<float>().begin());
}

Behavior cached_at_prepare() {
  Behavior behavior;
  behavior.prepare = [](const Work& work) {
    normalize_all(work);
    remember_y(work);
  };
  behavior.run = hand_out_remembered_y;
  return behavior;
}

Behavior cached_at_the_first_call() {
  return replaced(&Behavior::run, [](const Work& work) {
    if (work.call > 1) return hand_out_remembered_y(work);
    normalize_all(work);
    remember_y(work);
  });
}

// The library owns its output, and it is handed over once.
Behavior collected_once() {
  Behavior behavior;
  behavior.run = [](const Work& work) {
    normalize_all(work);
    remember_y(work);
    std::ranges::fill(work.arguments.y.as<float>(), 0.0F);
  };
  behavior.collect = [](const Work& work) {
    if (work.call == 1) hand_out_remembered_y(work);
  };
  return behavior;
}

Behavior inert() {
  Behavior behavior;
  behavior.prepares_a_kernel = false;
  return behavior;
}

#ifdef __SSE2__
constexpr const char* kNoFlushing = "";
void set_in_control_register(unsigned bits) { _mm_setcsr(_mm_getcsr() | bits); }
#else
constexpr const char* kNoFlushing = "there is no portable way to switch flush-to-zero on";
void set_in_control_register(unsigned) {}
#endif
#ifdef __clang__
// LLVM's OpenMP gives its workers the control register of their caller whenever a region starts.
constexpr const char* kNoFlushingInAWorker = "this OpenMP switches it off by itself";
#else
constexpr const char* kNoFlushingInAWorker = kNoFlushing;
#endif
constexpr unsigned kFlushToZero = 0x8000;
constexpr unsigned kDenormalsAreZero = 0x0040;

auto switch_on(unsigned bits) {
  return [bits](const Work&) { set_in_control_register(bits); };
}

void flush_in_a_worker(const Work&) {
#pragma omp parallel num_threads(2)
  {
    if (omp_get_thread_num() == 1) set_in_control_register(kFlushToZero);
  }
}

// One call of so many.
constexpr int kRarely = 20;

// Adds what should be set.
void spoil_rarely(const Work& work) {
  normalize_all(work);
  if (work.call % kRarely == 0) work.arguments.mean.as<float>()[2] += 1;
}

}  // namespace

Behavior of_other_bits() {
  return followed_by([](const Work& work) {
    float& y = work.arguments.y.as<float>()[4];
    if (work.call % 3 == 0) y = std::nextafter(y, 0.0F);
  });
}

std::vector<Faulty> life_cycle_faults() {
  const auto throws = [](const Work&) { throw std::runtime_error("out of luck"); };
  const auto throws_a_number = [](const Work&) { throw 42; };
  return {
      {"cached_at_prepare", kInference, "y", "exact input, call 1: y at", cached_at_prepare()},
      {"cached_at_the_first_call", kInference, "y", "random input, call 1: y at",
       cached_at_the_first_call()},
      {"second_call_does_nothing", kInference, "y",
       "exact input, call 2: y at sample 0, channel 0, position 0 is ",
       replaced(&Behavior::run,
                [](const Work& work) {
                  if (work.call % 2 == 1) normalize_all(work);
                })},
      {"wrong_once_in_twenty_calls", kTraining, "mean", "mean at mini-batch 0, channel 2 is",
       replaced(&Behavior::run, spoil_rarely)},
      {"idle_once_in_twenty_calls", kInference, "y", "is not written",
       replaced(&Behavior::run,
                [](const Work& work) {
                  if (work.call % kRarely != 0) normalize_all(work);
                })},
      {"writes_outside_once_in_twenty_calls", kTraining, "", "wrote past the end of y",
       followed_by([](const Work& work) {
         if (work.call % kRarely == 0) store(work.arguments.y, work.arguments.y.size(), 1);
       })},
      {"leaves_other_bits", kTraining, "", "not the bits that the first call left",
       of_other_bits()},
      {"collected_once", kInference, "y", "exact input, call 2: y at", collected_once()},
      {"does_nothing", kTraining, "mean", "mean at mini-batch 0, channel 0 is ",
       replaced(&Behavior::run, nothing)},
      {"computes_while_loading", kInference, "y", "exact input, call 2: y at",
       [] {
         Behavior behavior = replaced(&Behavior::run, nothing);
         behavior.load = normalize_all;
         return behavior;
       }()},
      {"throws_in_run", kTraining, "", "exact input, in run(): threw: out of luck",
       replaced(&Behavior::run, throws)},
      {"throws_in_load", kTraining, "", "exact input, in load(): threw: out of luck",
       replaced(&Behavior::load, throws)},
      {"throws_in_prepare", kTraining, "", "could not be prepared: out of luck",
       replaced(&Behavior::prepare, throws)},
      {"throws_a_number_in_run", kTraining, "", "in run(): threw something that is not",
       replaced(&Behavior::run, throws_a_number)},
      {"throws_a_number_in_prepare", kTraining, "", "could not be prepared",
       replaced(&Behavior::prepare, throws_a_number)},
      {"prepares_no_kernel", kTraining, "", "could not be prepared", inert()},
      {"flush_to_zero_left_on", kTraining, "", "left flush-to-zero switched on",
       followed_by(switch_on(kFlushToZero)), kNoFlushing},
      {"denormals_are_zero_left_on", kTraining, "", "left flush-to-zero switched on",
       followed_by(switch_on(kDenormalsAreZero)), kNoFlushing},
      {"flush_to_zero_left_on_in_a_worker", kTraining, "", "left flush-to-zero switched on",
       followed_by(flush_in_a_worker), kNoFlushingInAWorker},
  };
}

}  // namespace normbench::faulty

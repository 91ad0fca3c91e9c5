// Backends by name, kernels by need.
#include "harness/nn/runner.h"

#include <array>
#include <stdexcept>

namespace normbench::nn {
namespace {

const Backend& backend_named(const std::string& name) {
  std::string all;
  for (const auto& backend : backends()) {
    if (backend->name() == name) return *backend;
    all += (all.empty() ? "" : ", ") + std::string(backend->name());
  }
  for (const NotBuilt& other : not_built_backends()) {
    if (other.name == name) {
      throw std::invalid_argument("the backend " + name + " is not built: " + other.reason);
    }
  }
  throw std::invalid_argument("there is no backend '" + name + "': choose one of " + all);
}

constexpr std::array kBuffers = {
    &Arguments::x,           &Arguments::gamma, &Arguments::beta, &Arguments::running_mean,
    &Arguments::running_var, &Arguments::y,     &Arguments::mean, &Arguments::variance,
    &Arguments::rstd,        &Arguments::dy,    &Arguments::dx,   &Arguments::dgamma,
    &Arguments::dbeta};

// The problem says all else about them.
bool at_the_same_places(const Arguments& a, const Arguments& b) {
  for (const auto buffer : kBuffers) {
    if ((a.*buffer).data != (b.*buffer).data) return false;
  }
  return true;
}

}  // namespace

Runner::Runner(const On& on) : backend_(&backend_named(on.backend)), threads_(on.threads) {
  if (threads_ < 1) {
    throw std::invalid_argument("threads must be at least 1, but got " + std::to_string(threads_));
  }
}

void Runner::run(std::string_view who, const Problem& problem, const Arguments& arguments) {
  if (!kernel_ || problem != problem_ || !at_the_same_places(arguments, arguments_)) {
    kernel_ = nullptr;
    if (const Support support = backend_->supports(problem); !support.supported) {
      throw std::runtime_error(std::string(who) + " on " + std::string(backend_->name()) + ": " +
                               support.reason);
    }
    kernel_ = backend_->prepare(problem, arguments, threads_);
    problem_ = problem;
    arguments_ = arguments;
    loaded_ = false;
  }
  // What has no layout of its own is loaded once.
  if (!loaded_ || backend_->native_layout()) kernel_->load();
  loaded_ = true;
  kernel_->run();
  kernel_->collect();
}

}  // namespace normbench::nn

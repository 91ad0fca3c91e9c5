// Makes a plugin of a C++ backend: compiled into its shared object, beside the backend's own files
// and those of harness/core, with
//   -DNORMBENCH_MAKE=make_mine                 the function that makes the backend
//   -DNORMBENCH_PLUGIN_NAME='"mine"'           its name, if not the one that it has
//
// No exception leaves: those of supports() and prepare() become reasons, and the first one of
// load(), run() and collect() becomes the failure() that normbench asks for before it collects.
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "harness/core/backend.h"
#include "harness/plugin/normbench.h"

#ifndef NORMBENCH_MAKE
#error "define NORMBENCH_MAKE as the name of the function that makes the backend"
#endif

std::unique_ptr<normbench::Backend> NORMBENCH_MAKE();

namespace {

using normbench::Accuracy;
using normbench::Arguments;
using normbench::Backend;
using normbench::Grade;
using normbench::Kernel;
using normbench::Layout;
using normbench::Problem;
using normbench::Support;
using normbench::Tensor;

// What was thrown, in words; called where it is caught.
std::string thrown() {
  try {
    throw;
  } catch (const std::exception& error) {
    return *error.what() == '\0' ? "an exception without words" : error.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

// Text that stays until the next one of this thread.
const char* kept(std::string text) {
  thread_local std::string last;
  last = std::move(text);
  return last.c_str();
}

const Backend& backend() {
  static const std::unique_ptr<Backend> only = NORMBENCH_MAKE();
  if (only == nullptr) throw std::runtime_error("no backend was made");
  return *only;
}

template <class Value>
Value known(std::optional<Value> value, const char* text) {
  if (!value) throw std::runtime_error("this plugin does not know '" + std::string(text) + "'");
  return *value;
}

Problem problem_of(const normbench_problem& p) {
  return {.norm = known(normbench::parse_norm(p.norm), p.norm),
          .pass = known(normbench::parse_pass(p.pass), p.pass),
          .dtype = known(normbench::parse_dtype(p.dtype), p.dtype),
          .layout = known(normbench::parse_layout(p.layout), p.layout),
          .n = p.n,
          .c = p.c,
          .l = p.l,
          .batch = p.batch,
          .groups = p.groups,
          .eps = p.eps,
          .momentum = p.momentum,
          .affine = p.affine != 0};
}

Tensor Arguments::*member(std::string_view name) {
  if (name == "x") return &Arguments::x;
  if (name == "gamma") return &Arguments::gamma;
  if (name == "beta") return &Arguments::beta;
  if (name == "running_mean") return &Arguments::running_mean;
  if (name == "running_var") return &Arguments::running_var;
  if (name == "y") return &Arguments::y;
  if (name == "mean") return &Arguments::mean;
  if (name == "variance") return &Arguments::variance;
  if (name == "rstd") return &Arguments::rstd;
  if (name == "dy") return &Arguments::dy;
  if (name == "dx") return &Arguments::dx;
  if (name == "dgamma") return &Arguments::dgamma;
  if (name == "dbeta") return &Arguments::dbeta;
  throw std::runtime_error("this plugin does not know the buffer '" + std::string(name) + "'");
}

Arguments arguments_of(const normbench_buffer* const* buffers, std::size_t count, Layout layout) {
  Arguments arguments;
  for (std::size_t i = 0; i < count; ++i) {
    const normbench_buffer& b = *buffers[i];
    arguments.*member(b.name) = {.data = b.data,
                                 .n = b.shape[0],
                                 .c = b.shape[1],
                                 .l = b.shape[2],
                                 .dtype = known(normbench::parse_dtype(b.dtype), b.dtype),
                                 .layout = layout};
  }
  return arguments;
}

struct Prepared {
  std::unique_ptr<Kernel> kernel;
  std::string detail;
  std::string failure;  // the first one

  template <class Call>
  void attempt(Call call) {
    try {
      call();
    } catch (...) {
      if (failure.empty()) failure = thrown();
    }
  }
};

Prepared& prepared(void* kernel) { return *static_cast<Prepared*>(kernel); }

const char* unsupported(const normbench_problem* problem) {
  try {
    const Support support = backend().supports(problem_of(*problem));
    return support.supported ? nullptr : kept(support.reason);
  } catch (...) {
    return nullptr;  // it is told, and fails, in prepare
  }
}

// What unsupported() cannot tell apart from a problem that is declined.
void refuse_unsupported(const Problem& problem) {
  try {
    static_cast<void>(backend().supports(problem));
  } catch (...) {
    throw std::runtime_error("supports() threw: " + thrown());
  }
}

void* prepare(const normbench_problem* problem, const normbench_buffer* const* buffers,
              std::size_t count, std::int32_t threads, const char** error) {
  try {
    auto made = std::make_unique<Prepared>();
    const Problem p = problem_of(*problem);
    refuse_unsupported(p);
    made->kernel = backend().prepare(p, arguments_of(buffers, count, p.layout), threads);
    if (made->kernel == nullptr) throw std::runtime_error("prepare() returned no kernel");
    return made.release();
  } catch (...) {
    *error = kept(thrown());
    return nullptr;
  }
}

void run(void* kernel) {
  Prepared& p = prepared(kernel);
  p.attempt([&] { p.kernel->run(); });
}

void destroy(void* kernel) { delete &prepared(kernel); }

void load(void* kernel) {
  Prepared& p = prepared(kernel);
  p.attempt([&] { p.kernel->load(); });
}

void collect(void* kernel) {
  Prepared& p = prepared(kernel);
  p.attempt([&] { p.kernel->collect(); });
}

const char* failure(void* kernel) {
  const std::string& text = prepared(kernel).failure;
  return text.empty() ? nullptr : text.c_str();
}

const char* detail(void* kernel) {
  Prepared& p = prepared(kernel);
  p.attempt([&] { p.detail = p.kernel->detail(); });
  return p.detail.c_str();
}

// Where the backend throws, the defaults remain, which are the strictest claim.
void accuracy(const normbench_problem* problem, normbench_accuracy* accuracy) {
  try {
    const Problem p = problem_of(*problem);
    const Accuracy claim = backend().accuracy(p);
    accuracy->repeatable = backend().repeatable(p) ? 1 : 0;
    accuracy->roundings = claim.roundings;
    accuracy->grade = claim.grade == Grade::kA ? std::int32_t{'A'} : std::int32_t{'B'};
    accuracy->exact_sums = claim.exact_sums ? 1 : 0;
    // Another version of normbench may have sent the struct without what it does not know.
    const auto has = [accuracy](const std::int32_t& field) {
      const auto end = reinterpret_cast<const std::byte*>(&field + 1);
      return end <= reinterpret_cast<const std::byte*>(accuracy) + accuracy->size;
    };
    if (has(accuracy->variance)) accuracy->variance = static_cast<std::int32_t>(claim.variance);
    if (has(accuracy->from_rstd)) accuracy->from_rstd = claim.from_rstd ? 1 : 0;
  } catch (...) {
  }
}

std::string name_of_plugin() {
#ifdef NORMBENCH_PLUGIN_NAME
  return NORMBENCH_PLUGIN_NAME;
#else
  return std::string(backend().name());
#endif
}

}  // namespace

// The one function that throws: there is no table to say so with.
const normbench_backend* normbench_plugin() {
  static const std::string name = name_of_plugin();
  static const std::string version = backend().version();
  static const normbench_backend table = {.magic = NORMBENCH_MAGIC,
                                          .abi = NORMBENCH_ABI,
                                          .size = sizeof(normbench_backend),
                                          .name = name.c_str(),
                                          .version = version.c_str(),
                                          .unsupported = unsupported,
                                          .prepare = prepare,
                                          .run = run,
                                          .destroy = destroy,
                                          .load = load,
                                          .collect = collect,
                                          .failure = failure,
                                          .detail = detail,
                                          .accuracy = accuracy,
                                          .native_layout = backend().native_layout() ? 1 : 0};
  return &table;
}

// Looks at a plugin's table before anything of it is called, and wraps it.
#include "harness/plugin/loader.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace normbench {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& why) {
  throw std::runtime_error("the plugin " + where + " " + why);
}

// A call through the C interface. Nothing is lost in silence there: what is thrown says so.
template <class Call>
auto guarded(const std::string& plugin, std::string_view function, Call call) {
  const auto words = [&](std::string_view thrown) {
    return std::string(function) + " of " + plugin +
           " threw through the C interface: " + std::string(thrown);
  };
  try {
    return call();
  } catch (const std::exception& error) {
    throw std::runtime_error(words(error.what()));
  } catch (...) {
    throw std::runtime_error(words("something that is no std::exception"));
  }
}

std::string text_or(const char* text, std::string_view otherwise) {
  return text == nullptr ? std::string(otherwise) : text;
}

// The field, when the size of the table covers it.
template <class Field>
Field read(const normbench_backend& table, Field normbench_backend::*field) {
  const auto* const begin = reinterpret_cast<const std::byte*>(&table);
  const auto* const at = reinterpret_cast<const std::byte*>(&(table.*field));
  if (at + sizeof(Field) > begin + table.size) return Field{};
  return table.*field;
}

// The table as this version knows it: what its size does not cover is NULL or 0.
normbench_backend read_table(const normbench_backend* table, const std::string& where) {
  if (table == nullptr) refuse(where, "has no table: let normbench_plugin() return one, not NULL");
  if (table->magic != NORMBENCH_MAGIC) {
    refuse(where,
           "has a table that does not begin with NORMBENCH_MAGIC: let normbench_plugin() return a "
           "struct normbench_backend of normbench.h");
  }
  if (table->abi != NORMBENCH_ABI) {
    refuse(where, "has version " + std::to_string(table->abi) +
                      " of the interface, and this normbench has " + std::to_string(NORMBENCH_ABI) +
                      ": compile it with the normbench.h of this normbench");
  }
  constexpr std::size_t kLeast =
      offsetof(normbench_backend, destroy) + sizeof(normbench_backend::destroy);
  if (table->size < kLeast) {
    refuse(where, "has a table of " + std::to_string(table->size) +
                      " bytes, too few for what is required: let its size be sizeof(struct "
                      "normbench_backend)");
  }
  normbench_backend own{};
  const auto take = [&](auto... fields) { ((own.*fields = read(*table, fields)), ...); };
  using B = normbench_backend;
  take(&B::magic, &B::abi, &B::name, &B::version, &B::unsupported, &B::prepare, &B::run,
       &B::destroy, &B::load, &B::collect, &B::failure, &B::detail, &B::accuracy,
       &B::native_layout);
  own.size = sizeof(own);
  return own;
}

bool is_part_of_a_name(char letter) {
  return std::isalnum(static_cast<unsigned char>(letter)) != 0 ||
         std::string_view("-_.").find(letter) != std::string_view::npos;
}

bool is_control(char letter) { return std::iscntrl(static_cast<unsigned char>(letter)) != 0; }

void look_at_entries(const normbench_backend& table, const std::string& where) {
  const std::array<std::pair<const char*, bool>, 4> required = {
      {{"unsupported", table.unsupported != nullptr},
       {"prepare", table.prepare != nullptr},
       {"run", table.run != nullptr},
       {"destroy", table.destroy != nullptr}}};
  for (const auto& [name, is_there] : required) {
    if (!is_there) {
      refuse(where, "has no " + std::string(name) + ": that entry of its table may not be NULL");
    }
  }
  const std::string name = text_or(table.name, "");
  if (name.empty()) refuse(where, "has no name: set the name in its table");
  if (!std::all_of(name.begin(), name.end(), is_part_of_a_name)) {
    refuse(where, "is named '" + name + "': only letters, digits and - _ . make a name");
  }
  const std::string version = text_or(table.version, "");
  if (version.empty()) {
    refuse(where, "has no version: set that of the library in its table, or \"1\"");
  }
  if (std::any_of(version.begin(), version.end(), is_control)) {
    refuse(where, "has a version of several lines, or with control characters: make it one line");
  }
}

// A problem with the texts that it points to.
class ProblemInC {
 public:
  explicit ProblemInC(const Problem& p)
      : texts_{id(p), std::string(name(p.norm)), std::string(name(p.pass)),
               std::string(name(p.dtype)), std::string(name(p.layout))} {
    in_c_.size = sizeof(in_c_);
    in_c_.id = texts_[0].c_str();
    in_c_.norm = texts_[1].c_str();
    in_c_.pass = texts_[2].c_str();
    in_c_.dtype = texts_[3].c_str();
    in_c_.layout = texts_[4].c_str();
    in_c_.n = p.n;
    in_c_.c = p.c;
    in_c_.l = p.l;
    in_c_.batch = p.batch;
    in_c_.groups = p.groups;
    in_c_.eps = p.eps;
    in_c_.momentum = p.momentum;
    in_c_.affine = p.affine ? 1 : 0;
  }
  ProblemInC(const ProblemInC&) = delete;
  ProblemInC& operator=(const ProblemInC&) = delete;

  const normbench_problem* get() const { return &in_c_; }

 private:
  std::array<std::string, 5> texts_;
  normbench_problem in_c_{};
};

// The table of harness/core/arguments.h, for buffers that the pass has.
normbench_role role_of(std::string_view buffer, Pass pass) {
  if (buffer == "y" || buffer == "dx" || buffer == "dgamma" || buffer == "dbeta") {
    return NORMBENCH_OUTPUT;
  }
  if (pass != Pass::kForwardTraining) return NORMBENCH_INPUT;
  if (buffer == "mean" || buffer == "variance" || buffer == "rstd") return NORMBENCH_OUTPUT;
  return buffer.starts_with("running_") ? NORMBENCH_UPDATED : NORMBENCH_INPUT;
}

// The buffers of a problem, with all that they point to.
class BuffersInC {
 public:
  BuffersInC(const Problem& problem, const Arguments& arguments) {
    const std::array<std::pair<const char*, const Tensor*>, kMost> named = {
        {{"x", &arguments.x},
         {"gamma", &arguments.gamma},
         {"beta", &arguments.beta},
         {"running_mean", &arguments.running_mean},
         {"running_var", &arguments.running_var},
         {"y", &arguments.y},
         {"mean", &arguments.mean},
         {"variance", &arguments.variance},
         {"rstd", &arguments.rstd},
         {"dy", &arguments.dy},
         {"dx", &arguments.dx},
         {"dgamma", &arguments.dgamma},
         {"dbeta", &arguments.dbeta}}};
    for (const auto& [buffer, tensor] : named) {
      if (tensor->present()) add(buffer, role_of(buffer, problem.pass), *tensor);
    }
  }
  BuffersInC(const BuffersInC&) = delete;
  BuffersInC& operator=(const BuffersInC&) = delete;

  const normbench_buffer* const* get() const { return pointers_.data(); }
  std::size_t count() const { return count_; }

 private:
  static constexpr std::size_t kMost = 13;

  void add(const char* buffer, normbench_role role, const Tensor& t) {
    const std::size_t at = count_++;
    dtypes_[at] = name(t.dtype);
    shapes_[at] = {t.n, t.c, t.l};
    const bool is_ncl = t.layout == Layout::kNcl;
    strides_[at] = {t.c * t.l, is_ncl ? t.l : 1, is_ncl ? 1 : t.c};
    buffers_[at] = {.size = sizeof(normbench_buffer),
                    .name = buffer,
                    .dtype = dtypes_[at].c_str(),
                    .role = role,
                    .rank = 3,
                    .shape = shapes_[at].data(),
                    .strides = strides_[at].data(),
                    .data = t.data};
    pointers_[at] = &buffers_[at];
  }

  std::array<std::string, kMost> dtypes_;
  std::array<std::array<std::int64_t, 3>, kMost> shapes_{};
  std::array<std::array<std::int64_t, 3>, kMost> strides_{};
  std::array<normbench_buffer, kMost> buffers_{};
  std::array<const normbench_buffer*, kMost> pointers_{};
  std::size_t count_ = 0;
};

class PluginKernel : public Kernel {
 public:
  PluginKernel(const normbench_backend& table, std::string name, const Problem& problem,
               const Arguments& arguments, int threads)
      : table_(table), name_(std::move(name)), problem_(problem), buffers_(problem, arguments) {
    const char* error = nullptr;
    kernel_ = guarded(name_, "prepare", [&] {
      return table_.prepare(problem_.get(), buffers_.get(), buffers_.count(), threads, &error);
    });
    if (kernel_ == nullptr) {
      throw std::runtime_error(
          text_or(error, "prepare of " + name_ + " returned NULL, and no error that says why"));
    }
  }
  PluginKernel(const PluginKernel&) = delete;
  PluginKernel& operator=(const PluginKernel&) = delete;

  ~PluginKernel() override {
    try {
      table_.destroy(kernel_);
    } catch (...) {
      // Its results are judged already, and there is nobody left to tell.
    }
  }

  void load() override {
    if (table_.load != nullptr) guarded(name_, "load", [&] { table_.load(kernel_); });
    throw_failure();
  }

  void run() override {
    guarded(name_, "run", [&] { table_.run(kernel_); });
  }

  // Of run(), a failure is seen here: to ask there would be timed.
  void collect() override {
    throw_failure();
    if (table_.collect == nullptr) return;
    guarded(name_, "collect", [&] { table_.collect(kernel_); });
    throw_failure();
  }

  std::string detail() const override {
    if (table_.detail == nullptr) return "";
    return text_or(guarded(name_, "detail", [&] { return table_.detail(kernel_); }), "");
  }

 private:
  void throw_failure() const {
    if (table_.failure == nullptr) return;
    const char* const why = guarded(name_, "failure", [&] { return table_.failure(kernel_); });
    if (why != nullptr) throw std::runtime_error(why);
  }

  const normbench_backend table_;
  const std::string name_;
  const ProblemInC problem_;
  const BuffersInC buffers_;
  void* kernel_ = nullptr;
};

class Plugin : public Backend {
 public:
  explicit Plugin(const normbench_backend& table)
      : table_(table), name_(table.name), version_(table.version) {}

  std::string_view name() const override { return name_; }
  std::string version() const override { return version_; }

  Support supports(const Problem& problem) const override {
    const ProblemInC in_c(problem);
    const char* const why =
        guarded(name_, "unsupported", [&] { return table_.unsupported(in_c.get()); });
    return why == nullptr ? Support::yes() : Support::no(why);
  }

  Accuracy accuracy(const Problem& problem) const override {
    const normbench_accuracy claim = claim_for(problem);
    if (claim.grade != 'A' && claim.grade != 'B') {
      throw std::runtime_error("accuracy of " + name_ + " claims grade " +
                               std::to_string(claim.grade) + ", which is neither 'A' nor 'B'");
    }
    if (!(claim.roundings >= 0)) {
      throw std::runtime_error("accuracy of " + name_ + " claims " +
                               std::to_string(claim.roundings) +
                               " roundings: it must be a number from 0 on");
    }
    const auto forms = static_cast<std::int32_t>(kEveryVarianceForm.size());
    if (claim.variance < 0 || claim.variance >= forms) {
      throw std::runtime_error("accuracy of " + name_ + " claims variance " +
                               std::to_string(claim.variance) + ", which is neither 0, 1 nor 2");
    }
    return {.grade = claim.grade == 'A' ? Grade::kA : Grade::kB,
            .roundings = claim.roundings,
            .exact_sums = claim.exact_sums != 0,
            .variance = static_cast<VarianceForm>(claim.variance),
            .from_rstd = claim.from_rstd != 0};
  }

  bool repeatable(const Problem& problem) const override {
    return claim_for(problem).repeatable != 0;
  }

  bool native_layout() const override { return table_.native_layout != 0; }

  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int threads) const override {
    return std::make_unique<PluginKernel>(table_, name_, problem, arguments, threads);
  }

 private:
  normbench_accuracy claim_for(const Problem& problem) const {
    const Accuracy usual;
    normbench_accuracy claim = {.size = sizeof(normbench_accuracy),
                                .roundings = usual.roundings,
                                .grade = 'A',
                                .exact_sums = usual.exact_sums ? 1 : 0,
                                .repeatable = 1,
                                .variance = static_cast<std::int32_t>(usual.variance),
                                .from_rstd = usual.from_rstd ? 1 : 0};
    if (table_.accuracy == nullptr) return claim;
    const ProblemInC in_c(problem);
    guarded(name_, "accuracy", [&] { table_.accuracy(in_c.get(), &claim); });
    return claim;
  }

  const normbench_backend table_;
  const std::string name_;
  const std::string version_;
};

std::string last_dl_error() { return text_or(dlerror(), "no reason was given"); }

}  // namespace

std::unique_ptr<Backend> wrap_plugin(const normbench_backend* table, const std::string& where) {
  const normbench_backend own = read_table(table, where);
  look_at_entries(own, where);
  return std::make_unique<Plugin>(own);
}

std::unique_ptr<Backend> load_plugin(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    refuse(path, "does not exist: give the path of a shared object");
  }
  // A name without a folder would be looked for where the system's libraries are.
  const std::string file = std::filesystem::absolute(path).string();
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    refuse(path, "cannot be loaded: " + last_dl_error() +
                     ". Build it as a shared object, for this machine, with its libraries linked");
  }
  void* const symbol = dlsym(library, "normbench_plugin");
  if (symbol == nullptr) {
    refuse(path,
           "has no function normbench_plugin: define it as in normbench.h, in C++ as extern \"C\"");
  }
  const auto plugin = reinterpret_cast<decltype(&normbench_plugin)>(symbol);
  return wrap_plugin(guarded(path, "normbench_plugin", [&] { return plugin(); }), path);
}

}  // namespace normbench

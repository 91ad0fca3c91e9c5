// Shared objects: the templates and the example are right, the wrong ones are refused or rejected.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "harness/check/check.h"
#include "harness/check/matrix.h"
#include "harness/plugin/loader.h"
#include "harness/plugin/normbench.h"
#include "plugin_dir.h"
#include "tests/faulty/problems.h"
#include "tests/temporary_folder.h"

namespace normbench {
namespace {

constexpr std::uint64_t kSeed = 1;

// Without the repeats of verify, which would take most of the time of all these problems.
const CheckOptions kBriefly = {.seed = kSeed, .calls = 2, .calls_if_short = 2};

std::string path_of(std::string_view name) {
  std::string path = NORMBENCH_PLUGIN_DIR;
  return path.append("/lib").append(name).append(".so");
}

std::string refusal(const std::string& path) {
  try {
    load_plugin(path);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "it was loaded";
}

// Those that it takes, of everything that backends are checked on, must be right.
int check_everything(const Backend& backend) {
  int checked = 0;
  for (const Problem& problem : problem_matrix()) {
    if (!backend.supports(problem).supported) continue;
    Workspace workspace(problem, kSeed);
    const std::array<Entrant, 1> one = {{{&backend, 1}}};
    const Verdict verdict = check_all(one, workspace, kBriefly).front().verdict;
    EXPECT_TRUE(verdict.passed()) << backend.name() << ", " << id(problem) << ": "
                                  << verdict.reason;
    ++checked;
  }
  return checked;
}

TEST(Template, InCIsRight) {
  const auto backend = load_plugin(path_of("template-c"));
  EXPECT_EQ(backend->name(), "mine");
  EXPECT_EQ(backend->version(), "1");
  EXPECT_FALSE(backend->native_layout());
  EXPECT_GT(check_everything(*backend), 10);
  const Support support = backend->supports({.norm = Norm::kLayer});
  EXPECT_FALSE(support.supported);
  EXPECT_EQ(support.reason, "only batch norm");
}

TEST(Template, InCppIsRight) {
  const auto backend = load_plugin(path_of("template-cpp"));
  EXPECT_EQ(backend->name(), "template-cpp");
  EXPECT_GT(check_everything(*backend), 10);
  EXPECT_EQ(backend->supports({.norm = Norm::kLayer}).reason, "only batch norm");
}

TEST(Example, InFortranIsRight) {
  if (!std::filesystem::exists(path_of("example-f90"))) GTEST_SKIP() << "no compiler for Fortran";
  const auto backend = load_plugin(path_of("example-f90"));
  EXPECT_EQ(backend->name(), "example-f90");
  EXPECT_GT(check_everything(*backend), 5);
}

// All of it passes through the C interface: every norm, pass, dtype, layout and buffer.
TEST(Export, GivesABackendOfImplsAnotherName) {
  const auto backend = load_plugin(path_of("plugged"));
  EXPECT_EQ(backend->name(), "plugged");
  EXPECT_EQ(backend->version(), "3");
  for (const Problem& problem : faulty::all_small_problems()) {
    ASSERT_TRUE(backend->supports(problem).supported) << id(problem);
    Workspace workspace(problem, kSeed);
    const Verdict verdict = check(*backend, workspace, 1, kSeed);
    EXPECT_TRUE(verdict.passed()) << id(problem) << ": " << verdict.reason;
  }
  // Claims pass as well: sums of doubles round.
  const Problem wide = {.dtype = DType::kF64, .n = 100, .batch = 100};
  EXPECT_EQ(backend->accuracy(wide).roundings, 99);
  EXPECT_EQ(backend->supports({.n = 3, .batch = 2}).reason,
            "batch must divide N: 2 does not divide 3");
}

std::string thrown_by(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

// By a normbench that knows so many bytes of the struct.
normbench_accuracy claim_of_unlucky(std::size_t size) {
  void* const library = dlopen(path_of("unlucky").c_str(), RTLD_NOW | RTLD_LOCAL);
  EXPECT_NE(library, nullptr) << dlerror();
  const auto plugin =
      reinterpret_cast<decltype(&normbench_plugin)>(dlsym(library, "normbench_plugin"));
  const normbench_problem problem = {.size = sizeof(normbench_problem),
                                     .id = "batch/forward_training/f32/ncl/n1_c1_l8",
                                     .norm = "batch",
                                     .pass = "forward_training",
                                     .dtype = "f32",
                                     .layout = "ncl",
                                     .n = 1,
                                     .c = 1,
                                     .l = 8,
                                     .batch = 1,
                                     .groups = 1,
                                     .eps = 1e-5,
                                     .momentum = 0.1,
                                     .affine = 1};
  constexpr std::int32_t kUntouched = -7;
  normbench_accuracy claim = {.size = size,
                              .roundings = 0,
                              .grade = 'A',
                              .exact_sums = 1,
                              .repeatable = 1,
                              .variance = kUntouched,
                              .from_rstd = kUntouched};
  plugin()->accuracy(&problem, &claim);
  return claim;
}

TEST(Export, ClaimsInTheFieldsThatThereAre) {
  const normbench_accuracy whole = claim_of_unlucky(sizeof(normbench_accuracy));
  EXPECT_EQ(whole.grade, 'B');
  EXPECT_EQ(whole.roundings, 8);
  EXPECT_EQ(whole.exact_sums, 0);
  EXPECT_EQ(whole.variance, 2);
  EXPECT_EQ(whole.from_rstd, 1);
  const normbench_accuracy older = claim_of_unlucky(offsetof(normbench_accuracy, variance));
  EXPECT_EQ(older.grade, 'B');
  EXPECT_EQ(older.variance, -7);
  EXPECT_EQ(older.from_rstd, -7);
}

TEST(Export, TellsWhatTheBackendThrows) {
  const auto backend = load_plugin(path_of("unlucky"));
  EXPECT_TRUE(backend->supports({.l = 1}).supported);  // a problem that is declined is no failure
  EXPECT_EQ(thrown_by([&] { backend->prepare({.l = 1}, {}, 1); }), "supports() threw: no answer");
  EXPECT_EQ(backend->accuracy({}).grade, Grade::kA);
  EXPECT_EQ(thrown_by([&] { backend->prepare({.l = 2}, {}, 1); }), "not prepared");
  EXPECT_EQ(thrown_by([&] { backend->prepare({.l = 7}, {}, 1); }), "prepare() returned no kernel");
  EXPECT_EQ(thrown_by([&] { backend->prepare({.l = 3}, {}, 1)->load(); }), "nothing to load");
  EXPECT_EQ(thrown_by([&] { backend->prepare({.l = 6}, {}, 1)->collect(); }), "nothing to collect");
}

// Where it is timed nobody asks: the first failure is told when all calls are over.
TEST(Export, TellsWhatRunThrowsBeforeItCollects) {
  const auto backend = load_plugin(path_of("unlucky"));
  const auto kernel = backend->prepare({.l = 4}, {}, 1);
  for (int i = 0; i < 3; ++i) EXPECT_NO_THROW(kernel->run());
  EXPECT_EQ(thrown_by([&] { kernel->collect(); }), "no way to run, at call 1");
  const auto other = backend->prepare({.l = 5}, {}, 1);
  EXPECT_NO_THROW(other->run());
  EXPECT_EQ(thrown_by([&] { other->collect(); }), "something that is no std::exception");
}

TEST(Export, IsRefusedWhereTheBackendCannotBeMade) {
  EXPECT_EQ(refusal(path_of("no-backend")), "normbench_plugin of " + path_of("no-backend") +
                                                " threw through the C interface: the library is "
                                                "too old");
}

TEST(Load, TakesAPathWithoutAFolderAsOneOfThisFolder) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(NORMBENCH_PLUGIN_DIR);
  EXPECT_EQ(load_plugin("libtemplate-c.so")->name(), "mine");
  std::filesystem::current_path(before);
}

TEST(Load, RefusesWhatIsNoSharedObject) {
  EXPECT_EQ(refusal("nowhere/libmine.so"),
            "the plugin nowhere/libmine.so does not exist: give the path of a shared object");
  const TemporaryFolder folder;
  const std::string text = folder.path() / "libtext.so";
  std::ofstream(text) << "no shared object, but a text that is as long as a header of one is: "
                      << std::string(100, '.') << "\n";
  EXPECT_EQ(refusal(text), "the plugin " + text + " cannot be loaded: " + text +
                               ": invalid ELF header. Build it as a shared object, for this "
                               "machine, with its libraries linked");
}

TEST(Load, RefusesWhatHasNoTableThatFits) {
  const auto words_about = [](std::string_view name) {
    const std::string start = "the plugin " + path_of(name) + " ";
    const std::string words = refusal(path_of(name));
    EXPECT_TRUE(words.starts_with(start)) << words;
    return words.substr(start.size());
  };
  EXPECT_EQ(words_about("no-symbol"),
            "has no function normbench_plugin: define it as in normbench.h, in C++ as extern "
            "\"C\"");
  EXPECT_EQ(words_about("other-abi"),
            "has version 2 of the interface, and this normbench has 1: compile it with the "
            "normbench.h of this normbench");
  EXPECT_EQ(words_about("small-table"),
            "has a table of 48 bytes, too few for what is required: let its size be sizeof(struct "
            "normbench_backend)");
  EXPECT_EQ(words_about("null-entry"), "has no run: that entry of its table may not be NULL");
}

Verdict verdict_on(std::string_view name) {
  const auto backend = load_plugin(path_of(name));
  EXPECT_EQ(backend->name(), name);
  Workspace workspace(faulty::batch_norm(Pass::kForwardTraining, 8, 5, 7), kSeed);
  return check(*backend, workspace, 1, kSeed);
}

TEST(Check, RejectsPluginsThatDoDamage) {
  EXPECT_EQ(verdict_on("throws").reason,
            "exact input, in run(): threw: run of throws threw through the C interface: out of "
            "luck");
  EXPECT_EQ(verdict_on("writes-past").reason, "exact input, call 1: wrote past the end of y");
  EXPECT_EQ(verdict_on("changes-input").reason, "exact input, call 1: changed its input x");
  EXPECT_EQ(verdict_on("flush-to-zero").reason, "left flush-to-zero switched on");
}

TEST(Check, PassesAPluginThatPrints) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const Verdict verdict = verdict_on("prints");
  EXPECT_GT(testing::internal::GetCapturedStdout().size(), 100000U);
  EXPECT_GT(testing::internal::GetCapturedStderr().size(), 100000U);
  EXPECT_TRUE(verdict.passed()) << verdict.reason;
}

}  // namespace
}  // namespace normbench

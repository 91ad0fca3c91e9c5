// What the loader makes of a table, whatever shared object it is from.
#include "harness/plugin/loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness/check/matrix.h"
#include "harness/check/workspace.h"
#include "tests/faulty/problems.h"

extern "C" std::size_t size_of_table_in_c();
extern "C" std::size_t size_of_accuracy_in_c();
std::size_t size_of_table_in_cpp();

namespace normbench {
namespace {

using Table = normbench_backend;

int kernel_of_all = 0;
std::string last_call;

Table honest() {
  return {.magic = NORMBENCH_MAGIC,
          .abi = NORMBENCH_ABI,
          .size = sizeof(Table),
          .name = "mine",
          .version = "1.2",
          .unsupported = [](const normbench_problem*) -> const char* { return nullptr; },
          .prepare = [](const normbench_problem*, const normbench_buffer* const*, std::size_t,
                        std::int32_t, const char**) -> void* { return &kernel_of_all; },
          .run = [](void*) { last_call = "run"; },
          .destroy = [](void*) { last_call = "destroy"; },
          .load = [](void*) { last_call = "load"; },
          .collect = [](void*) { last_call = "collect"; },
          .failure = [](void*) -> const char* { return nullptr; },
          .detail = [](void*) { return "in detail"; },
          .accuracy =
              [](const normbench_problem*, normbench_accuracy* claim) {
                claim->roundings = 7;
                claim->grade = 'B';
                claim->exact_sums = 0;
                claim->repeatable = 0;
                claim->variance = 2;
                claim->from_rstd = 1;
              },
          .native_layout = 1};
}

std::string refusal(const Table* table) {
  try {
    wrap_plugin(table, "libmine.so");
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

template <class Field, class Value>
std::string refusal_with(Field Table::*field, Value value) {
  Table table = honest();
  table.*field = value;
  return refusal(&table);
}

template <class Call>
std::string thrown_by(Call call) {
  try {
    call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(Header, IsTheSameInCAndInCpp) {
  EXPECT_EQ(size_of_table_in_c(), sizeof(Table));
  EXPECT_EQ(size_of_accuracy_in_c(), sizeof(normbench_accuracy));
  EXPECT_EQ(size_of_table_in_cpp(), sizeof(Table));
}

TEST(Wrap, ForwardsEverything) {
  const Table table = honest();
  const auto backend = wrap_plugin(&table, "libmine.so");
  EXPECT_EQ(backend->name(), "mine");
  EXPECT_EQ(backend->version(), "1.2");
  EXPECT_TRUE(backend->native_layout());
  EXPECT_FALSE(backend->repeatable({}));
  EXPECT_EQ(backend->accuracy({}).grade, Grade::kB);
  EXPECT_EQ(backend->accuracy({}).roundings, 7);
  EXPECT_FALSE(backend->accuracy({}).exact_sums);
  EXPECT_EQ(backend->accuracy({}).variance, VarianceForm::kMoments);
  EXPECT_TRUE(backend->accuracy({}).from_rstd);
  EXPECT_TRUE(backend->supports({}).supported);
  {
    const auto kernel = backend->prepare({}, {}, 1);
    EXPECT_EQ(kernel->detail(), "in detail");
    kernel->load();
    EXPECT_EQ(last_call, "load");
    kernel->run();
    EXPECT_EQ(last_call, "run");
    kernel->collect();
    EXPECT_EQ(last_call, "collect");
  }
  EXPECT_EQ(last_call, "destroy");
}

TEST(Wrap, RefusesATableThatDoesNotFit) {
  EXPECT_EQ(refusal(nullptr),
            "the plugin libmine.so has no table: let normbench_plugin() return one, not NULL");
  EXPECT_EQ(refusal_with(&Table::magic, NORMBENCH_MAGIC + 1),
            "the plugin libmine.so has a table that does not begin with NORMBENCH_MAGIC: let "
            "normbench_plugin() return a struct normbench_backend of normbench.h");
  EXPECT_EQ(refusal_with(&Table::abi, 0U),
            "the plugin libmine.so has version 0 of the interface, and this normbench has 1: "
            "compile it with the normbench.h of this normbench");
  EXPECT_EQ(refusal_with(&Table::size, 63U),
            "the plugin libmine.so has a table of 63 bytes, too few for what is required: let its "
            "size be sizeof(struct normbench_backend)");
}

// Nothing of a table that is of another kind is looked at, but for what says so.
TEST(Wrap, LooksAtTheVersionFirst) {
  const struct {
    std::uint64_t magic;
    std::uint32_t abi;
  } start = {NORMBENCH_MAGIC, 99};
  EXPECT_NE(refusal(reinterpret_cast<const Table*>(&start)).find("version 99"), std::string::npos);
}

TEST(Wrap, NamesTheEntryThatIsMissing) {
  EXPECT_EQ(refusal_with(&Table::unsupported, nullptr),
            "the plugin libmine.so has no unsupported: that entry of its table may not be NULL");
  EXPECT_NE(refusal_with(&Table::prepare, nullptr).find("no prepare:"), std::string::npos);
  EXPECT_NE(refusal_with(&Table::run, nullptr).find("no run:"), std::string::npos);
  EXPECT_NE(refusal_with(&Table::destroy, nullptr).find("no destroy:"), std::string::npos);
}

TEST(Wrap, WantsANameAndAVersion) {
  EXPECT_EQ(refusal_with(&Table::name, nullptr),
            "the plugin libmine.so has no name: set the name in its table");
  EXPECT_EQ(refusal_with(&Table::name, ""), refusal_with(&Table::name, nullptr));
  EXPECT_EQ(refusal_with(&Table::name, "my backend"),
            "the plugin libmine.so is named 'my backend': only letters, digits and - _ . make a "
            "name");
  EXPECT_NE(refusal_with(&Table::name, "simd[streaming=off]"), "");
  EXPECT_NE(refusal_with(&Table::name, "schön"), "");
  EXPECT_EQ(refusal_with(&Table::name, "My_backend-2.0"), "");
  EXPECT_EQ(refusal_with(&Table::version, nullptr),
            "the plugin libmine.so has no version: set that of the library in its table, or \"1\"");
  EXPECT_NE(refusal_with(&Table::version, ""), "");
  EXPECT_EQ(refusal_with(&Table::version, "1.2\nof today"),
            "the plugin libmine.so has a version of several lines, or with control characters: "
            "make it one line");
}

// An older table ends earlier, or within a field that this version knows.
TEST(Wrap, TakesFieldsBeyondTheSizeForNull) {
  Table table = honest();
  table.size = offsetof(Table, load);
  const auto least = wrap_plugin(&table, "libmine.so");
  EXPECT_FALSE(least->native_layout());
  EXPECT_TRUE(least->repeatable({}));
  EXPECT_EQ(least->accuracy({}).grade, Grade::kA);
  EXPECT_EQ(least->accuracy({}).roundings, 0);
  EXPECT_TRUE(least->accuracy({}).exact_sums);
  EXPECT_EQ(least->accuracy({}).variance, VarianceForm::kDeviations);
  EXPECT_FALSE(least->accuracy({}).from_rstd);
  const auto kernel = least->prepare({}, {}, 1);
  last_call = "";
  kernel->load();
  kernel->collect();
  EXPECT_EQ(last_call, "");
  EXPECT_EQ(kernel->detail(), "");

  table.size = offsetof(Table, detail) + 4;
  const auto half = wrap_plugin(&table, "libmine.so")->prepare({}, {}, 1);
  EXPECT_EQ(half->detail(), "");
  half->collect();
  EXPECT_EQ(last_call, "collect");
}

TEST(Wrap, TakesALargerTable) {
  struct {
    Table known;
    void* of_later;
  } table = {honest(), nullptr};
  table.known.size = sizeof(table);
  EXPECT_EQ(wrap_plugin(&table.known, "libmine.so")->prepare({}, {}, 1)->detail(), "in detail");
}

TEST(Wrap, TellsWhatIsThrownThroughC) {
  Table table = honest();
  table.unsupported = [](const normbench_problem*) -> const char* {
    throw std::invalid_argument("bad luck");
  };
  table.prepare = [](const normbench_problem*, const normbench_buffer* const*, std::size_t,
                     std::int32_t, const char**) -> void* { throw 7; };
  table.accuracy = [](const normbench_problem*, normbench_accuracy*) {
    throw std::runtime_error("worse luck");
  };
  const auto backend = wrap_plugin(&table, "libmine.so");
  EXPECT_EQ(thrown_by([&] { backend->supports({}); }),
            "unsupported of mine threw through the C interface: bad luck");
  EXPECT_EQ(thrown_by([&] { backend->prepare({}, {}, 1); }),
            "prepare of mine threw through the C interface: something that is no std::exception");
  EXPECT_EQ(thrown_by([&] { backend->accuracy({}); }),
            "accuracy of mine threw through the C interface: worse luck");
}

TEST(Wrap, SurvivesADestroyThatThrows) {
  Table table = honest();
  table.destroy = [](void*) { throw std::runtime_error("the last word"); };
  EXPECT_NO_THROW(wrap_plugin(&table, "libmine.so")->prepare({}, {}, 1));
}

TEST(Wrap, SaysWhyThereIsNoKernel) {
  Table table = honest();
  table.prepare = [](const normbench_problem*, const normbench_buffer* const*, std::size_t,
                     std::int32_t, const char** error) -> void* {
    *error = "out of registers";
    return nullptr;
  };
  EXPECT_EQ(thrown_by([&] { wrap_plugin(&table, "libmine.so")->prepare({}, {}, 1); }),
            "out of registers");
  table.prepare = [](const normbench_problem*, const normbench_buffer* const*, std::size_t,
                     std::int32_t, const char**) -> void* { return nullptr; };
  EXPECT_EQ(thrown_by([&] { wrap_plugin(&table, "libmine.so")->prepare({}, {}, 1); }),
            "prepare of mine returned NULL, and no error that says why");
}

TEST(Wrap, ThrowsAFailureWhereItIsNotTimed) {
  Table table = honest();
  table.failure = [](void*) -> const char* { return "the device is gone"; };
  const auto kernel = wrap_plugin(&table, "libmine.so")->prepare({}, {}, 1);
  EXPECT_NO_THROW(kernel->run());
  EXPECT_EQ(thrown_by([&] { kernel->collect(); }), "the device is gone");
  EXPECT_EQ(thrown_by([&] { kernel->load(); }), "the device is gone");
}

TEST(Wrap, RefusesAClaimThatIsNone) {
  Table table = honest();
  table.accuracy = [](const normbench_problem*, normbench_accuracy* claim) { claim->grade = 'C'; };
  EXPECT_EQ(thrown_by([&] { wrap_plugin(&table, "libmine.so")->accuracy({}); }),
            "accuracy of mine claims grade 67, which is neither 'A' nor 'B'");
  table.accuracy = [](const normbench_problem*, normbench_accuracy* claim) {
    claim->roundings = std::numeric_limits<double>::quiet_NaN();
  };
  EXPECT_EQ(thrown_by([&] { wrap_plugin(&table, "libmine.so")->accuracy({}); }),
            "accuracy of mine claims nan roundings: it must be a number from 0 on");
  table.accuracy = [](const normbench_problem*, normbench_accuracy* claim) { claim->variance = 3; };
  EXPECT_EQ(thrown_by([&] { wrap_plugin(&table, "libmine.so")->accuracy({}); }),
            "accuracy of mine claims variance 3, which is neither 0, 1 nor 2");
}

TEST(Wrap, PassesTheProblem) {
  static std::map<std::string, std::string> texts;
  static std::vector<double> numbers;
  Table table = honest();
  table.unsupported = [](const normbench_problem* p) -> const char* {
    EXPECT_EQ(p->size, sizeof(normbench_problem));
    texts = {{"id", p->id},
             {"norm", p->norm},
             {"pass", p->pass},
             {"dtype", p->dtype},
             {"layout", p->layout}};
    numbers = {static_cast<double>(p->n),
               static_cast<double>(p->c),
               static_cast<double>(p->l),
               static_cast<double>(p->batch),
               static_cast<double>(p->groups),
               p->eps,
               p->momentum,
               static_cast<double>(p->affine)};
    return "no, and this is why";
  };
  const Problem problem = {.norm = Norm::kGroup,
                           .pass = Pass::kBackward,
                           .dtype = DType::kBf16,
                           .layout = Layout::kNlc,
                           .n = 6,
                           .c = 8,
                           .l = 5,
                           .batch = 3,
                           .groups = 4,
                           .eps = 0.5,
                           .momentum = 0.25,
                           .affine = false};
  const Support support = wrap_plugin(&table, "libmine.so")->supports(problem);
  EXPECT_FALSE(support.supported);
  EXPECT_EQ(support.reason, "no, and this is why");
  const std::map<std::string, std::string> due = {{"id", id(problem)},
                                                  {"norm", "group"},
                                                  {"pass", "backward"},
                                                  {"dtype", "bf16"},
                                                  {"layout", "nlc"}};
  EXPECT_EQ(texts, due);
  EXPECT_EQ(numbers, (std::vector<double>{6, 8, 5, 3, 4, 0.5, 0.25, 0}));
}

std::vector<const normbench_buffer*> passed;
const normbench_problem* passed_problem = nullptr;

Table listening() {
  Table table = honest();
  table.prepare = [](const normbench_problem* problem, const normbench_buffer* const* buffers,
                     std::size_t count, std::int32_t, const char**) -> void* {
    passed.assign(buffers, buffers + count);
    passed_problem = problem;
    return &kernel_of_all;
  };
  return table;
}

std::int32_t role_in_c(Role role) {
  switch (role) {
    case Role::kInput:
      return NORMBENCH_INPUT;
    case Role::kOutput:
      return NORMBENCH_OUTPUT;
    case Role::kUpdated:
      return NORMBENCH_UPDATED;
    case Role::kUnused:
      break;
  }
  return -1;
}

// The same buffers, in the same roles, as the check has; read when prepare is over, as they must
// live as long as the kernel.
TEST(Wrap, PassesTheBuffersOfEachPass) {
  const Table table = listening();
  const auto backend = wrap_plugin(&table, "libmine.so");
  for (const Problem& problem : faulty::all_small_problems()) {
    const Workspace workspace(problem);
    const auto kernel = backend->prepare(problem, workspace.arguments(), 1);
    EXPECT_EQ(passed_problem->id, id(problem));
    std::size_t at = 0;
    for (const BufferSpec& spec : buffer_specs(problem)) {
      if (spec.role == Role::kUnused) continue;
      ASSERT_LT(at, passed.size());
      const normbench_buffer& b = *passed[at++];
      const Tensor& tensor = workspace.arguments().*spec.member;
      EXPECT_EQ(b.size, sizeof(b));
      EXPECT_EQ(b.name, spec.name);
      EXPECT_EQ(b.dtype, name(tensor.dtype));
      EXPECT_EQ(b.role, role_in_c(spec.role)) << id(problem) << " " << b.name;
      EXPECT_EQ(b.rank, 3);
      EXPECT_EQ(b.shape[0] * b.shape[1] * b.shape[2], tensor.size());
      EXPECT_EQ(b.data, tensor.data);
    }
    EXPECT_EQ(at, passed.size());
  }
}

TEST(Wrap, PassesStridesInTheOrderOfShapes) {
  using Three = std::array<std::int64_t, 3>;
  const auto three = [](const std::int64_t* numbers) {
    return Three{numbers[0], numbers[1], numbers[2]};
  };
  const Table table = listening();
  const auto backend = wrap_plugin(&table, "libmine.so");
  const auto x_of = [&](Layout layout) {
    const Problem problem = {.layout = layout, .n = 4, .c = 3, .l = 5, .batch = 4};
    const Workspace workspace(problem);
    const auto kernel = backend->prepare(problem, workspace.arguments(), 1);
    EXPECT_STREQ(passed[0]->name, "x");
    return std::array{three(passed[0]->shape), three(passed[0]->strides)};
  };
  EXPECT_EQ(x_of(Layout::kNcl), (std::array{Three{4, 3, 5}, Three{15, 5, 1}}));
  EXPECT_EQ(x_of(Layout::kNlc), (std::array{Three{4, 3, 5}, Three{15, 1, 3}}));
}

}  // namespace
}  // namespace normbench

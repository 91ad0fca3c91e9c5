// Files of state: written, read, and refused. tests/nn/exchange_test.py has PyTorch on the other
// side.
#include "harness/nn/checkpoint.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "harness/nn/batch_norm.h"
#include "tests/nn/arrays.h"
#include "tests/nn/file_fuzz.h"
#include "tests/temporary_folder.h"

namespace normbench::nn {
namespace {

Bytes file_of(const std::string& header, std::size_t data_bytes) {
  Bytes file(8 + header.size() + data_bytes);
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  std::memcpy(file.data() + 8, header.data(), header.size());
  return file;
}

StateDict some_state() {
  StateDict state{.entries = {{"b", random_array({3, 2}, 1, ElementType::kF64)},
                              {"a", random_array({5}, 2)},
                              {"count", of({}, {7}, ElementType::kI64)},
                              {"empty", Array({0, 4})},
                              {"half", random_array({3}, 3, ElementType::kBf16)}},
                  .version = 2};
  return state;
}

TEST(Checkpoint, ComesBackBitForBit) {
  const StateDict state = some_state();
  const Bytes file = to_safetensors(state);
  const StateDict back = from_safetensors(file, "it");
  EXPECT_EQ(back.version, state.version);
  ASSERT_EQ(back.entries.size(), state.entries.size());
  for (const auto& [key, array] : state.entries) {
    ASSERT_NE(back.find(key), nullptr) << key;
    EXPECT_EQ(*back.find(key), array) << key;
  }
  EXPECT_EQ(to_safetensors(back), file);
}

// To the byte what safetensors 0.8.0 writes with the metadata {"format": "pt"}.
TEST(Checkpoint, IsWrittenAsTheLibraryDoes) {
  const StateDict state{.entries = {{"b", of({3, 2}, {0, 1, 2, 3, 4, 5}, ElementType::kF64)},
                                    {"a", of({5}, {0, 1, 2, 3, 4})},
                                    {"num", of({}, {7}, ElementType::kI64)},
                                    {"h", of({3}, {0, 1, 2}, ElementType::kF16)},
                                    {"aa", of({2}, {1, 1}, ElementType::kF64)},
                                    {"z", Array({0, 4})}}};
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"num":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
      R"("aa":{"dtype":"F64","shape":[2],"data_offsets":[8,24]},)"
      R"("b":{"dtype":"F64","shape":[3,2],"data_offsets":[24,72]},)"
      R"("a":{"dtype":"F32","shape":[5],"data_offsets":[72,92]},)"
      R"("z":{"dtype":"F32","shape":[0,4],"data_offsets":[92,92]},)"
      R"("h":{"dtype":"F16","shape":[3],"data_offsets":[92,98]}})";
  const Bytes file = to_safetensors(state);
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  EXPECT_EQ(length, 0x170U);
  EXPECT_EQ(file.size(), 474U);
  const std::string text(reinterpret_cast<const char*>(file.data()) + 8, length);
  EXPECT_EQ(text.substr(0, header.size()), header);
  EXPECT_EQ(text.find_first_not_of(' ', header.size()), std::string::npos);
}

TEST(Checkpoint, ChannelsLastIsWrittenInThePlainOrder) {
  const Array ncl = random_array({2, 3, 4}, 1);
  const StateDict plain{.entries = {{"x", ncl}}};
  const StateDict last{.entries = {{"x", laid_out(ncl, Layout::kNlc)}}};
  EXPECT_EQ(to_safetensors(plain), to_safetensors(last));
}

TEST(Checkpoint, NamesThatCannotBeWritten) {
  const auto with = [](const std::string& key) {
    return StateDict{.entries = {{key, Array()}, {"a", Array()}}};
  };
  expect_error<std::invalid_argument>([&] { to_safetensors(with("__metadata__")); },
                                      "a tensor of a checkpoint cannot be named __metadata__");
  expect_error<std::invalid_argument>([&] { to_safetensors(with("a")); },
                                      "two tensors of a checkpoint are named a");
  expect_error<std::invalid_argument>([&] { to_safetensors(with("\xff")); },
                                      "the name of a tensor of a checkpoint is not UTF-8");
}

struct Hostile {
  std::string name;
  Bytes file;
  std::string reason;
};
void PrintTo(const Hostile& hostile, std::ostream* out) { *out << hostile.name; }

class HostileFile : public testing::TestWithParam<Hostile> {};

TEST_P(HostileFile, EndsInAClearErrorAndNothingIsLoaded) {
  BatchNorm1d module(3);
  const StateDict before = module.state_dict();
  expect_error<std::runtime_error>(
      [&] { module.load_state_dict(from_safetensors(GetParam().file, "a.safetensors"), false); },
      "a.safetensors is no safetensors file: " + GetParam().reason);
  EXPECT_EQ(module.state_dict().entries, before.entries);
}

Bytes with_length(std::uint64_t length, std::size_t bytes) {
  Bytes file(bytes);
  std::memcpy(file.data(), &length, 8);
  return file;
}

std::string tensor(const std::string& name, const std::string& type, const std::string& shape,
                   const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + type + R"(","shape":[)" + shape +
         R"(],"data_offsets":[)" + offsets + "]}";
}
std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}
std::string object(const std::string& inside) { return "{" + inside + "}"; }

INSTANTIATE_TEST_SUITE_P(
    All, HostileFile,
    testing::Values(
        Hostile{"nothing", Bytes(0), "it has 0 bytes, too few for the length of a header"},
        Hostile{"seven_bytes", Bytes(7), "it has 7 bytes, too few for the length of a header"},
        Hostile{"header_longer_than_the_file", with_length(93, 100),
                "its header has 93 bytes, but after its length there are 92"},
        Hostile{"header_of_2_64", with_length(~std::uint64_t{0}, 100),
                "its header has 18446744073709551615 bytes, more than the 100000000 that there may "
                "be"},
        Hostile{"empty_header", with_length(0, 8), "the header is no JSON, from its byte 1 on"},
        Hostile{"no_json", file_of("{\"a", 0), "the header is no JSON, from its byte 4 on"},
        Hostile{"two_objects", file_of("{}{}", 0), "the header is no JSON, from its byte 3 on"},
        Hostile{"not_utf8", file_of("{\"\xff\":{}}", 0),
                "the header is no JSON, from its byte 3 on"},
        Hostile{"a_list", file_of("[]", 0), "the header is a list, no object"},
        Hostile{
            "overlap",
            file_of(object(tensor("a", "F32", "2", "0,8") + "," + tensor("b", "F32", "2", "4,12")),
                    12),
            "'b' begins at byte 4 of the data, but what is before it ends at 8"},
        Hostile{
            "same_place",
            file_of(object(tensor("a", "F32", "2", "0,8") + "," + tensor("b", "F32", "2", "0,8")),
                    8),
            "'b' begins at byte 0 of the data, but what is before it ends at 8"},
        Hostile{
            "gap",
            file_of(object(tensor("a", "F32", "1", "0,4") + "," + tensor("b", "F32", "1", "8,12")),
                    12),
            "'b' begins at byte 8 of the data, but what is before it ends at 4"},
        Hostile{"data_behind_the_last", file_of(object(tensor("a", "F32", "1", "0,4")), 8),
                "its tensors end at byte 4 of 8 bytes of data"},
        Hostile{"truncated", file_of(object(tensor("a", "F32", "2", "0,8")), 7),
                "'a' has data_offsets 0 to 8, but the file has 7 bytes of data"},
        Hostile{"backwards", file_of(object(tensor("a", "F32", "2", "8,0")), 8),
                "'a' has data_offsets 8 to 0, but the file has 8 bytes of data"},
        Hostile{"wrong_size", file_of(object(tensor("a", "F32", "3", "0,8")), 8),
                "'a' of torch.Size([3]) and type F32 has 12 bytes, but its data_offsets are 8 "
                "apart"},
        Hostile{"wrong_type", file_of(object(tensor("a", "F31", "2", "0,8")), 8),
                "'a' is of the type 'F31', which is none of F64, F32, F16, BF16 and I64"},
        Hostile{"2_60_elements",
                file_of(object(tensor("a", "F32", "1152921504606846976", "0,8")), 8),
                "'a' has a shape, torch.Size([1152921504606846976]) is too large to address"},
        Hostile{"2_64_elements",
                file_of(object(tensor("a", "F32", "4294967296,4294967296", "0,8")), 8),
                "'a' has a shape, torch.Size([4294967296, 4294967296]) is too large to address"},
        Hostile{"2_58_elements",
                file_of(object(tensor("a", "F64", "288230376151711744", "0,8")), 8),
                "'a' of torch.Size([288230376151711744]) and type F64 has 2305843009213693952 "
                "bytes, but its data_offsets are 8 apart"},
        Hostile{"dimension_beyond_63_bits",
                file_of(object(tensor("a", "F32", "18446744073709551615", "0,8")), 8),
                "'a' has a dimension that is too large: 18446744073709551615"},
        Hostile{"negative", file_of(object(tensor("a", "F32", "-1", "0,8")), 8),
                "'a' has a negative number in a wrong place"},
        Hostile{"half_a_dimension", file_of(object(tensor("a", "F32", "1.5", "0,8")), 8),
                "'a' has a number that is not whole in a wrong place"},
        Hostile{"three_offsets", file_of(object(tensor("a", "F32", "1", "0,4,4")), 4),
                "'a' has more than two data_offsets"},
        Hostile{"one_offset", file_of(object(tensor("a", "F32", "1", "0")), 4),
                "'a' has not two data_offsets"},
        Hostile{
            "same_name",
            file_of(object(tensor("a", "F32", "1", "0,4") + "," + tensor("a", "F32", "1", "4,8")),
                    8),
            "'a' comes twice"},
        Hostile{"same_key", file_of(R"({"a":{"dtype":"F32","dtype":"F32"}})", 0),
                "'a' has 'dtype' twice"},
        Hostile{"other_key", file_of(R"({"a":{"stride":[1]}})", 0),
                "'a' has 'stride', which is none of dtype, shape and data_offsets"},
        Hostile{"no_shape", file_of(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4),
                "'a' has no shape"},
        Hostile{"no_object", file_of(R"({"a":3})", 0), "'a' has a number in a wrong place"},
        Hostile{"null", file_of(R"({"a":{"dtype":null}})", 0), "'a' has null in a wrong place"},
        Hostile{"metadata_that_is_no_text", file_of(R"({"__metadata__":{"a":{}}})", 0),
                "'__metadata__' has an object in a wrong place"},
        Hostile{"deep_lists", file_of("{\"a\":" + std::string(1000000, '['), 0),
                "'a' has a list in a wrong place"},
        Hostile{"deep_objects", file_of(repeated("{\"a\":", 100000), 0),
                "'a' has 'a', which is none of dtype, shape and data_offsets"},
        Hostile{"deep_shape", file_of(R"({"a":{"shape":[[[[)", 0),
                "'a' has a list in a wrong place"},
        Hostile{"many_dimensions",
                file_of(object(tensor("a", "F32", "1" + repeated(",1", 64), "0,4")), 4),
                "'a' has more than 64 dimensions"}),
    [](const auto& info) { return info.param.name; });

// A short run for every day; tests/nn/fuzz_checkpoint.cpp is the long one.
TEST(CheckpointFuzz, ChangedFilesAreReadOrRefused) {
  const Bytes file = to_safetensors(some_state());
  int read = 0;
  for (std::uint64_t seed = 0; seed < 20000; ++seed) {
    if (survives(changed(file, seed))) ++read;
  }
  EXPECT_GT(read, 100) << "else all that is tried is refused at once";
  EXPECT_LT(read, 15000) << "else nothing is tried";
}

class CheckpointFile : public testing::Test {
 protected:
  TemporaryFolder temporary_;
  std::filesystem::path folder_ = temporary_.path();
};

TEST_F(CheckpointFile, IsSavedAndLoaded) {
  BatchNorm1d module(3);
  const Array x = random_array({4, 3}, 1);
  module.forward(x);
  const std::string path = (folder_ / "model.safetensors").string();
  save_checkpoint(module.state_dict(), path);
  BatchNorm1d other(3);
  other.load_state_dict(load_checkpoint(path));
  EXPECT_EQ(other.state_dict().entries, module.state_dict().entries);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(CheckpointFile, CannotBeReadOrWritten) {
  expect_error<std::runtime_error>([] { load_checkpoint("/nowhere/a"); },
                                   "cannot read /nowhere/a: No such file or directory");
  expect_error<std::runtime_error>([&] { load_checkpoint(folder_.string()); },
                                   "cannot read " + folder_.string() + ": Is a directory");
  expect_error<std::runtime_error>([] { save_checkpoint({}, "/nowhere/a"); },
                                   "cannot write /nowhere/a: No such file or directory");
  // What was there stays where the new one cannot take its place.
  const auto occupied = folder_ / "folder";
  std::filesystem::create_directories(occupied / "inside");
  expect_error<std::runtime_error>([&] { save_checkpoint({}, occupied.string()); },
                                   "cannot write " + occupied.string() + ": Is a directory");
  EXPECT_FALSE(std::filesystem::exists(occupied.string() + ".part"));
}

}  // namespace
}  // namespace normbench::nn

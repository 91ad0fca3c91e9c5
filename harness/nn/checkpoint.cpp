// Files may come from anybody: the header is read by events, with checks at each, and no tree of it
// is ever made.
#include "harness/nn/checkpoint.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace normbench::nn {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "data is copied as it is");

constexpr std::string_view kMetadata = "__metadata__";
constexpr std::string_view kVersionKey = "normbench.version";
constexpr std::size_t kLengthBytes = 8;

std::string_view type_name(ElementType type) {
  switch (type) {
    case ElementType::kF32:
      return "F32";
    case ElementType::kF64:
      return "F64";
    case ElementType::kBf16:
      return "BF16";
    case ElementType::kF16:
      return "F16";
    case ElementType::kI64:
      break;
  }
  return "I64";
}

// What the header says of one tensor.
struct Entry {
  std::string name;
  std::string type = {};
  Sizes sizes = {};
  std::vector<std::uint64_t> offsets = {};
  bool has_type = false, has_sizes = false, has_offsets = false;
};

struct Header {
  std::vector<Entry> entries;
  std::optional<int> version;
};

// Reads the header, and nothing but a header: an object of objects of three known keys.
class Reader : public nlohmann::json_sax<json> {
 public:
  Header header;

  bool null() override { return refuse("null"); }
  bool boolean(bool) override { return refuse("a boolean"); }
  bool number_float(number_float_t, const string_t&) override {
    return refuse("a number that is not whole");
  }
  bool number_integer(number_integer_t) override { return refuse("a negative number"); }
  bool binary(binary_t&) override { return refuse("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (in_ == Place::kSizes) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        fail("has a dimension that is too large: " + std::to_string(value));
      }
      header.entries.back().sizes.push_back(static_cast<std::int64_t>(value));
      if (header.entries.back().sizes.size() > kMostDimensions) {
        fail("has more than " + std::to_string(kMostDimensions) + " dimensions");
      }
      return true;
    }
    if (in_ == Place::kOffsets) {
      header.entries.back().offsets.push_back(value);
      if (header.entries.back().offsets.size() > 2) fail("has more than two data_offsets");
      return true;
    }
    return refuse("a number");
  }

  bool string(string_t& value) override {
    if (in_ == Place::kType) {
      header.entries.back().type = value;
      in_ = Place::kTensor;
      return true;
    }
    if (in_ == Place::kMetadataValue) {
      if (key_ == kVersionKey) read_version(value);
      in_ = Place::kMetadata;
      return true;
    }
    return refuse("a string");
  }

  bool start_object(std::size_t) override {
    if (in_ == Place::kStart) {
      in_ = Place::kTop;
      return true;
    }
    if (in_ == Place::kTopValue) {
      keys_.clear();
      in_ = key_ == kMetadata ? Place::kMetadata : Place::kTensor;
      if (in_ == Place::kTensor) header.entries.push_back({.name = key_});
      return true;
    }
    return refuse("an object");
  }

  bool key(string_t& key) override {
    if (in_ == Place::kTop) {
      if (!names_.insert(key).second) throw std::runtime_error("'" + key + "' comes twice");
      key_ = key;
      in_ = Place::kTopValue;
      return true;
    }
    if (!keys_.insert(key).second) fail("has '" + key + "' twice");
    if (in_ == Place::kMetadata) {
      key_ = key;
      in_ = Place::kMetadataValue;
      return true;
    }
    Entry& entry = header.entries.back();
    if (key == "dtype") {
      entry.has_type = true;
      in_ = Place::kType;
    } else if (key == "shape") {
      entry.has_sizes = true;
      in_ = Place::kBeforeSizes;
    } else if (key == "data_offsets") {
      entry.has_offsets = true;
      in_ = Place::kBeforeOffsets;
    } else {
      fail("has '" + key + "', which is none of dtype, shape and data_offsets");
    }
    return true;
  }

  bool end_object() override {
    if (in_ == Place::kTensor) {
      const Entry& entry = header.entries.back();
      if (!entry.has_type) fail("has no dtype");
      if (!entry.has_sizes) fail("has no shape");
      if (!entry.has_offsets) fail("has no data_offsets");
    }
    in_ = in_ == Place::kTop ? Place::kEnd : Place::kTop;
    return true;
  }

  bool start_array(std::size_t) override {
    if (in_ == Place::kBeforeSizes) {
      in_ = Place::kSizes;
    } else if (in_ == Place::kBeforeOffsets) {
      in_ = Place::kOffsets;
    } else {
      return refuse("a list");
    }
    return true;
  }

  bool end_array() override {
    if (in_ == Place::kOffsets && header.entries.back().offsets.size() != 2) {
      fail("has not two data_offsets");
    }
    in_ = Place::kTensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    throw std::runtime_error("the header is no JSON, from its byte " + std::to_string(position) +
                             " on");
  }

 private:
  enum class Place {
    kStart,
    kTop,
    kTopValue,
    kTensor,
    kType,
    kBeforeSizes,
    kSizes,
    kBeforeOffsets,
    kOffsets,
    kMetadata,
    kMetadataValue,
    kEnd
  };
  static constexpr std::size_t kMostDimensions = 64;

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error("'" + key_of_entry() + "' " + what);
  }
  bool refuse(const std::string& what) const {
    if (in_ == Place::kStart) throw std::runtime_error("the header is " + what + ", no object");
    throw std::runtime_error("'" + key_of_entry() + "' has " + what + " in a wrong place");
  }
  std::string key_of_entry() const {
    const bool metadata = in_ == Place::kMetadata || in_ == Place::kMetadataValue;
    if (metadata) return std::string(kMetadata);
    return in_ == Place::kTopValue || header.entries.empty() ? key_ : header.entries.back().name;
  }
  void read_version(const std::string& text) {
    if (text.size() != 1 || text[0] < '0' || text[0] > '9') {
      fail("has a " + std::string(kVersionKey) + " that is no digit");
    }
    header.version = text[0] - '0';
  }

  Place in_ = Place::kStart;
  std::string key_;
  std::set<std::string, std::less<>> names_, keys_;
};

// Where a tensor is, once all is known to be right.
struct Placed {
  std::string name;
  ElementType type;
  Sizes sizes;
  std::uint64_t first, end;
};

Placed placed(const Entry& entry, std::uint64_t data_bytes) {
  const auto fail = [&](const std::string& what) {
    throw std::runtime_error("'" + entry.name + "' " + what);
  };
  const auto type = std::find_if(kEveryElementType.begin(), kEveryElementType.end(),
                                 [&](ElementType each) { return type_name(each) == entry.type; });
  if (type == kEveryElementType.end()) {
    fail("is of the type '" + entry.type + "', which is none of F64, F32, F16, BF16 and I64");
  }
  std::int64_t count = 0;
  try {
    count = element_count(entry.sizes);
  } catch (const std::invalid_argument& error) {
    fail(std::string("has a shape, ") + error.what());
  }
  const std::uint64_t first = entry.offsets[0];
  const std::uint64_t end = entry.offsets[1];
  if (first > end || end > data_bytes) {
    fail("has data_offsets " + std::to_string(first) + " to " + std::to_string(end) +
         ", but the file has " + std::to_string(data_bytes) + " bytes of data");
  }
  const std::uint64_t wanted = static_cast<std::uint64_t>(count) * size_of(*type);
  if (end - first != wanted) {
    fail("of " + size_text(entry.sizes) + " and type " + entry.type + " has " +
         std::to_string(wanted) + " bytes, but its data_offsets are " +
         std::to_string(end - first) + " apart");
  }
  return {entry.name, *type, entry.sizes, first, end};
}

StateDict read(std::span<const std::byte> file) {
  if (file.size() < kLengthBytes) {
    throw std::runtime_error("it has " + std::to_string(file.size()) +
                             " bytes, too few for the length of a header");
  }
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  if (length > kMostHeader) {
    throw std::runtime_error("its header has " + std::to_string(length) +
                             " bytes, more than the 100000000 that there may be");
  }
  if (length > file.size() - kLengthBytes) {
    throw std::runtime_error("its header has " + std::to_string(length) +
                             " bytes, but after its length there are " +
                             std::to_string(file.size() - kLengthBytes));
  }
  const auto header = file.subspan(kLengthBytes, length);
  const auto data = file.subspan(kLengthBytes + length);
  Reader reader;
  const auto* text = reinterpret_cast<const char*>(header.data());
  json::sax_parse(text, text + header.size(), &reader);

  std::vector<Placed> all;
  for (const Entry& entry : reader.header.entries) all.push_back(placed(entry, data.size()));
  std::sort(all.begin(), all.end(), [](const Placed& a, const Placed& b) {
    return std::pair(a.first, a.end) < std::pair(b.first, b.end);
  });
  std::uint64_t end = 0;
  for (const Placed& each : all) {
    if (each.first != end) {
      throw std::runtime_error("'" + each.name + "' begins at byte " + std::to_string(each.first) +
                               " of the data, but what is before it " + "ends at " +
                               std::to_string(end));
    }
    end = each.end;
  }
  if (end != data.size()) {
    throw std::runtime_error("its tensors end at byte " + std::to_string(end) + " of " +
                             std::to_string(data.size()) + " bytes of data");
  }

  StateDict state;
  state.version = reader.header.version;
  for (const Placed& each : all) {
    Array array(each.sizes, each.type);
    const auto bytes = array.bytes();
    if (!bytes.empty()) std::memcpy(bytes.data(), data.data() + each.first, bytes.size());
    state.entries.emplace_back(each.name, std::move(array));
  }
  return state;
}

// Types in the order in which the library writes them: its list of types from the end.
int rank(ElementType type) {
  switch (type) {
    case ElementType::kI64:
      return 0;
    case ElementType::kF64:
      return 1;
    case ElementType::kF32:
      return 2;
    case ElementType::kBf16:
      return 3;
    case ElementType::kF16:
      break;
  }
  return 4;
}

}  // namespace

std::vector<std::byte> to_safetensors(const StateDict& state) {
  std::vector<const std::pair<std::string, Array>*> all;
  std::set<std::string_view> names;
  for (const auto& entry : state.entries) {
    if (!names.insert(entry.first).second) {
      throw std::invalid_argument("two tensors of a checkpoint are named " + entry.first);
    }
    if (entry.first == kMetadata) {
      throw std::invalid_argument("a tensor of a checkpoint cannot be named " + entry.first);
    }
    all.push_back(&entry);
  }
  std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) {
    return std::pair(rank(a->second.type()), std::string_view(a->first)) <
           std::pair(rank(b->second.type()), std::string_view(b->first));
  });
  // The order of keys is that of the data, which a json object with sorted keys has not.
  nlohmann::ordered_json header;
  header[std::string(kMetadata)] = {{"format", "pt"}};
  if (state.version) {
    header[std::string(kMetadata)][std::string(kVersionKey)] = std::to_string(*state.version);
  }
  std::size_t end = 0;
  for (const auto* entry : all) {
    const Array& array = entry->second;
    const std::size_t first = end;
    end += array.bytes().size();
    header[entry->first] = {{"dtype", type_name(array.type())},
                            {"shape", array.sizes()},
                            {"data_offsets", {first, end}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::type_error&) {
    throw std::invalid_argument("the name of a tensor of a checkpoint is not UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  std::vector<std::byte> file(kLengthBytes + text.size() + end);
  std::memcpy(file.data(), &length, kLengthBytes);
  std::memcpy(file.data() + kLengthBytes, text.data(), text.size());
  std::byte* place = file.data() + kLengthBytes + text.size();
  for (const auto* entry : all) {
    const Array array = laid_out(entry->second, Layout::kNcl);
    if (array.size() != 0) std::memcpy(place, array.bytes().data(), array.bytes().size());
    place += array.bytes().size();
  }
  return file;
}

StateDict from_safetensors(std::span<const std::byte> file, std::string_view where) {
  try {
    return read(file);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(std::string(where) + " is no safetensors file: " + error.what());
  }
}

void save_checkpoint(const StateDict& state, const std::string& path) {
  const std::vector<std::byte> file = to_safetensors(state);
  const std::string beside = path + ".part";
  std::ofstream out(beside, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(beside, path, error);
  if (!out || error) {
    const std::string reason = error ? error.message() : std::strerror(errno);
    std::filesystem::remove(beside, error);
    throw std::runtime_error("cannot write " + path + ": " + reason);
  }
}

StateDict load_checkpoint(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) throw std::runtime_error("cannot read " + path + ": " + error.message());
  std::vector<std::byte> file(size);
  std::ifstream in(path, std::ios::binary);
  in.read(reinterpret_cast<char*>(file.data()), static_cast<std::streamsize>(size));
  if (!in) throw std::runtime_error("cannot read " + path + ": " + std::strerror(errno));
  return from_safetensors(file, path);
}

}  // namespace normbench::nn

// Guarded, poisoned, remembered buffers.
#include "harness/check/workspace.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "harness/check/elements.h"
#include "harness/check/grouping.h"
#include "harness/check/number_format.h"
#include "harness/check/random.h"

namespace normbench {
namespace {

constexpr std::size_t kGuard = 512;  // bytes on each side of a buffer
constexpr std::size_t kPage = 4096;

std::size_t round_up(std::size_t value, std::size_t step) {
  return (value + step - 1) / step * step;
}

constexpr std::size_t kBlock = std::size_t{1} << 20;  // bytes that one thread works on at a time

std::int64_t blocks_of(std::size_t bytes) {
  return static_cast<std::int64_t>((bytes + kBlock - 1) / kBlock);
}

// Calls work(number, begin, size) for blocks of the buffer, in parallel.
template <class Byte, class Work>
void for_each_block(Byte* begin, std::size_t bytes, Work work) {
  const std::int64_t blocks = blocks_of(bytes);
#pragma omp parallel for if (blocks > 1)
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::size_t first = static_cast<std::size_t>(block) * kBlock;
    work(block, begin + first, std::min(bytes - first, kBlock));
  }
}

// Reads as fast as memory delivers: in lanes, which do not wait for each other. Any changed bit
// changes the result, as each step can be undone.
std::uint64_t digest_of_block(std::uint64_t seed, const std::byte* begin, std::size_t bytes) {
  constexpr std::size_t kLanes = 32;
  std::array<std::uint64_t, kLanes> lanes;
  for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = seed + lane;
  const auto step = [](std::uint64_t& lane, std::uint64_t word) {
    lane = (lane ^ word) * 0x9E3779B97F4A7C15ULL;
    lane ^= lane >> 29;
  };
  std::size_t at = 0;
  for (; at + sizeof(lanes) <= bytes; at += sizeof(lanes)) {
    std::array<std::uint64_t, kLanes> words;
    std::memcpy(words.data(), begin + at, sizeof(words));
    for (std::size_t lane = 0; lane < kLanes; ++lane) step(lanes[lane], words[lane]);
  }
  std::array<std::uint64_t, kLanes> rest{};
  std::memcpy(rest.data(), begin + at, bytes - at);
  std::uint64_t total = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    step(lanes[lane], rest[lane]);
    step(total, lanes[lane]);
  }
  return total;
}

void fill_bytes(std::byte* begin, std::size_t bytes, Poison value) {
  for_each_block(begin, bytes, [value](std::int64_t, std::byte* block, std::size_t size) {
    std::memset(block, static_cast<int>(value), size);
  });
}

// What lies around a buffer: signaling NaNs of its type. Whoever computes with one makes a quiet
// one of it, so that a loop that goes too far does not write what was there; and whoever copies it
// from an input to an output does not either, because these have others.
Guard make_guard(DType dtype, bool input) {
  const auto fill = [](auto element) {
    Guard guard;
    for (std::size_t at = 0; at < guard.size(); at += sizeof(element)) {
      std::memcpy(guard.data() + at, &element, sizeof(element));
    }
    return guard;
  };
  switch (dtype) {
    case DType::kF64:
      return fill(std::uint64_t{input ? 0x7FF1A5E1A5E1A5E1U : 0x7FF2B4D2B4D2B4D2U});
    case DType::kBf16:
      return fill(static_cast<std::uint16_t>(input ? 0x7FA1 : 0x7F92));
    case DType::kF16:
      return fill(static_cast<std::uint16_t>(input ? 0x7D21 : 0x7C92));
    case DType::kF32:
      break;
  }
  return fill(std::uint32_t{input ? 0x7FA1A5E1U : 0x7F92B4D2U});
}

const Guard& guard_of(DType dtype, bool input) {
  static const auto all = [] {
    std::array<std::array<Guard, 2>, kEveryDType.size()> guards;
    for (const DType each : kEveryDType) {
      for (const bool is_input : {false, true}) {
        guards[static_cast<std::size_t>(each)][is_input ? 1 : 0] = make_guard(each, is_input);
      }
    }
    return guards;
  }();
  return all[static_cast<std::size_t>(dtype)][input ? 1 : 0];
}

struct Shape {
  std::int64_t n, c, l;
};

Shape statistics_shape(const Problem& p) {
  switch (p.norm) {
    case Norm::kInstance:
      return {p.n, p.c, 1};
    case Norm::kGroup:
      return {p.n, p.groups, 1};
    case Norm::kLayer:
    case Norm::kRms:
      return {p.n, 1, 1};
    case Norm::kBatch:
    case Norm::kNone:
      break;
  }
  return {p.mini_batches(), p.c, 1};
}

Shape shape_of(const Problem& p, std::string_view name) {
  if (name == "x" || name == "y" || name == "dy" || name == "dx") return {p.n, p.c, p.l};
  if (name == "mean" || name == "variance" || name == "rstd") return statistics_shape(p);
  const bool is_running = name == "running_mean" || name == "running_var";
  const bool per_element = !is_running && (p.norm == Norm::kLayer || p.norm == Norm::kRms);
  const bool is_gradient = name == "dgamma" || name == "dbeta";
  return {is_gradient ? p.mini_batches() : 1, p.c, per_element ? p.l : 1};
}

Tensor tensor_of(const Problem& p, std::string_view name) {
  const bool is_data = name == "x" || name == "y" || name == "dy" || name == "dx";
  const Shape shape = shape_of(p, name);
  return {.n = shape.n,
          .c = shape.c,
          .l = shape.l,
          .dtype = is_data ? p.dtype : parameter_dtype(p.dtype),
          .layout = p.layout};
}

}  // namespace

std::vector<BufferSpec> buffer_specs(const Problem& p) {
  constexpr Role kNone = Role::kUnused;
  constexpr Role kIn = Role::kInput;
  constexpr Role kOut = Role::kOutput;
  const auto by_pass = [&p](Role training, Role inference, Role backward, Role backward_inference) {
    switch (p.pass) {
      case Pass::kForwardTraining:
        return training;
      case Pass::kForwardInference:
        return inference;
      case Pass::kBackward:
        return backward;
      case Pass::kBackwardInference:
        return backward_inference;
    }
    return kNone;
  };
  const auto when = [](bool condition, Role role) { return condition ? role : Role::kUnused; };
  const bool none = p.norm == Norm::kNone;
  const bool affine = p.affine && !none;
  const bool centered = !none && p.norm != Norm::kRms;
  const Role x = when(!none || !p.backward(), kIn);
  const Role running = when(p.norm == Norm::kBatch, by_pass(Role::kUpdated, kIn, kNone, kIn));
  const Role statistic = when(!none, by_pass(kOut, kNone, kIn, kNone));
  const Role forward = by_pass(kOut, kOut, kNone, kNone);
  const Role gradient = by_pass(kNone, kNone, kOut, kOut);
  return {{"x", &Arguments::x, x},
          {"gamma", &Arguments::gamma, when(affine, kIn)},
          {"beta", &Arguments::beta, when(affine && centered, by_pass(kIn, kIn, kNone, kNone))},
          {"running_mean", &Arguments::running_mean, running},
          {"running_var", &Arguments::running_var, running},
          {"y", &Arguments::y, forward},
          {"mean", &Arguments::mean, when(centered, statistic)},
          {"variance", &Arguments::variance, statistic},
          {"rstd", &Arguments::rstd, statistic},
          {"dy", &Arguments::dy, by_pass(kNone, kNone, kIn, kIn)},
          {"dx", &Arguments::dx, gradient},
          {"dgamma", &Arguments::dgamma, when(affine, gradient)},
          {"dbeta", &Arguments::dbeta, when(affine && centered, gradient)}};
}

std::uint64_t digest(std::span<const std::byte> bytes) {
  std::vector<std::uint64_t> digests(static_cast<std::size_t>(blocks_of(bytes.size())));
  for_each_block(bytes.data(), bytes.size(),
                 [&](std::int64_t block, const std::byte* begin, std::size_t size) {
                   const auto number = static_cast<std::uint64_t>(block);
                   digests[static_cast<std::size_t>(block)] = digest_of_block(number, begin, size);
                 });
  std::uint64_t total = 0;
  for (const std::uint64_t one : digests) total += one;
  return total;
}

std::int64_t workspace_bytes(const Problem& problem) {
  std::int64_t bytes = 0;
  for (const BufferSpec& spec : buffer_specs(problem)) {
    if (spec.role == Role::kUnused) continue;
    // Guards, an offset and a shift take less than two pages.
    bytes += static_cast<std::int64_t>(round_up(tensor_of(problem, spec.name).bytes(), kPage) +
                                       2 * kPage);
  }
  return bytes;
}

Workspace::Workspace(const Problem& problem, std::uint64_t seed, Placement placement)
    : problem_(problem) {
  std::vector<std::size_t> starts;
  for (const BufferSpec& spec : buffer_specs(problem)) {
    if (spec.role == Role::kUnused) continue;
    arguments_.*spec.member = tensor_of(problem, spec.name);
    const std::size_t bytes = (arguments_.*spec.member).bytes();
    const std::size_t line = kGuard + 64 * (random_bits(seed, buffers_.size()) % 48);
    const std::size_t shift =
        placement == Placement::kElement ? size_of((arguments_.*spec.member).dtype) : 0;
    const std::size_t offset = placement == Placement::kPage ? kPage : line + shift;
    starts.push_back(size_ + offset);
    buffers_.push_back(
        {.spec = spec,
         .begin = nullptr,
         .bytes = bytes,
         .guard = &guard_of((arguments_.*spec.member).dtype, spec.role == Role::kInput)});
    size_ = round_up(size_ + offset + bytes + kGuard, kPage);
  }
  memory_.emplace(size_);
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    buffers_[i].begin = memory_->data() + starts[i];
    (arguments_.*buffers_[i].spec.member).data = buffers_[i].begin;
    fill_bytes(buffers_[i].begin, buffers_[i].bytes, poison_);  // else all pages are one
  }
  poison();
}

void Workspace::poison(Poison with) {
  poison_outputs(with);
  for (const Buffer& buffer : buffers_) {
    for (const auto zone : {buffer.before(), buffer.behind()}) {
      // Writes nothing where nothing is wrong: it may be read-only.
      if (!buffer.is_guard(zone)) std::memcpy(zone.data(), buffer.guard->data(), zone.size());
    }
  }
}

void Workspace::poison_outputs(Poison with) {
  poison_ = with;
  for (const Buffer& buffer : buffers_) {
    if (buffer.spec.role == Role::kOutput) fill_bytes(buffer.begin, buffer.bytes, with);
  }
}

void Workspace::poison_small_outputs(Poison with) {
  poison_ = with;
  for (const Buffer& buffer : buffers_) {
    const bool large = buffer.spec.member == &Arguments::y || buffer.spec.member == &Arguments::dx;
    if (buffer.spec.role == Role::kOutput && !large) fill_bytes(buffer.begin, buffer.bytes, with);
  }
}

bool Workspace::is_poison(std::span<const std::byte> bytes) const {
  const auto value = static_cast<std::byte>(poison_);
  return std::all_of(bytes.begin(), bytes.end(), [value](std::byte one) { return one == value; });
}

void Workspace::remember_inputs() {
  for (Buffer& buffer : buffers_) {
    if (buffer.spec.role == Role::kInput) buffer.digest = digest({buffer.begin, buffer.bytes});
  }
}

void Workspace::protect_inputs() {
  remember_inputs();
  for (Buffer& buffer : buffers_) {
    if (buffer.spec.role == Role::kInput) buffer.read_only = ReadOnly(buffer.pages());
  }
}

void Workspace::allow_writes() {
  for (Buffer& buffer : buffers_) buffer.read_only = {};
}

std::span<std::byte> Workspace::Buffer::pages() const {
  const auto first = reinterpret_cast<std::uintptr_t>(begin) - kGuard;
  std::byte* start = begin - kGuard - first % kPage;
  return {start, round_up(static_cast<std::size_t>(begin + bytes + kGuard - start), kPage)};
}

std::span<std::byte> Workspace::Buffer::before() const {
  std::byte* start = pages().data();
  return {start, begin};
}

std::span<std::byte> Workspace::Buffer::behind() const {
  const auto all = pages();
  return {begin + bytes, all.data() + all.size()};
}

bool Workspace::Buffer::is_guard(std::span<const std::byte> zone) const {
  return std::memcmp(zone.data(), guard->data(), zone.size()) == 0;
}

bool Workspace::Buffer::changed() const {
  return read_only.written() || digest != normbench::digest({begin, bytes});
}

std::optional<std::string> Workspace::damage() const {
  for (const Buffer& buffer : buffers_) {
    if (!buffer.is_guard(buffer.before())) {
      return "wrote before the start of " + std::string(buffer.spec.name);
    }
    if (!buffer.is_guard(buffer.behind())) {
      return "wrote past the end of " + std::string(buffer.spec.name);
    }
    if (buffer.spec.role == Role::kInput && buffer.changed()) {
      return "changed its input " + std::string(buffer.spec.name);
    }
  }
  return std::nullopt;
}

namespace {

// Of a large tensor so many elements are disturbed, all over it: more would only take longer.
constexpr std::int64_t kMostDisturbed = std::int64_t{1} << 16;

// Every how many pieces of this size one is disturbed.
std::int64_t step_of(std::int64_t elements, std::int64_t piece) {
  return std::max<std::int64_t>(1, elements / std::max(piece, kMostDisturbed));
}

// Flips the last bit of the exponent: twice the number or half of it, by number.
template <class T>
void flip_exponents(const Tensor& tensor) {
  using Bits = std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;
  const Bits last_of_exponent = static_cast<Bits>(Bits{1} << (format_of(tensor.dtype).digits - 1));
  constexpr std::int64_t kPiece = 1024;
  auto* bytes = static_cast<std::byte*>(tensor.data);
  const std::int64_t step = kPiece * step_of(tensor.size(), kPiece);
  for (std::int64_t first = 0; first < tensor.size(); first += step) {
    for (std::int64_t at = first; at < std::min(first + kPiece, tensor.size()); ++at) {
      std::byte* element = bytes + static_cast<std::size_t>(at) * sizeof(Bits);
      Bits bits;
      std::memcpy(&bits, element, sizeof(bits));
      bits = static_cast<Bits>(bits ^ last_of_exponent);
      std::memcpy(element, &bits, sizeof(bits));
    }
  }
}

// The first values of a statistic in memory trade places with the last ones.
template <class T>
void reverse_statistics(const Problem& p, std::span<T> x) {
  const Grouping groups = Sharing(p).statistics;
  if (x.empty()) return;
  if (groups.run > 1) {
    const std::int64_t step = groups.run * step_of(p.elements(), groups.run);
    for (std::int64_t at = 0; at < p.elements(); at += step) {
      std::reverse(x.data() + at, x.data() + at + groups.run);
    }
    return;
  }
  // One value of each statistic after the other, as often as there are values.
  const std::int64_t step = groups.count * step_of(p.elements(), 2 * groups.count);
  for (std::int64_t row = 0; row < p.elements(); row += groups.row) {
    for (std::int64_t at = 0; 2 * at + groups.count < groups.row; at += step) {
      T* const first = x.data() + row + at;
      T* const last = x.data() + row + groups.row - groups.count - at;
      std::swap_ranges(first, first + groups.count, last);
    }
  }
}

}  // namespace

void Workspace::disturb_inputs() {
  for (const Buffer& buffer : buffers_) {
    if (buffer.spec.role != Role::kInput) continue;
    const Tensor& tensor = arguments_.*buffer.spec.member;
    const bool is_x = buffer.spec.member == &Arguments::x;
    with_storage(tensor.dtype, [&]<class T>(T) {
      if (is_x && problem_.pass == Pass::kForwardTraining && problem_.norm != Norm::kNone) {
        reverse_statistics(problem_, tensor.as<T>());
      } else {
        flip_exponents<T>(tensor);
      }
    });
  }
}

void Workspace::save_running() {
  running_.clear();
  for (const Buffer& buffer : buffers_) {
    if (buffer.spec.role == Role::kUpdated) {
      running_.insert(running_.end(), buffer.begin, buffer.begin + buffer.bytes);
    }
  }
}

void Workspace::restore_running() {
  std::size_t at = 0;
  for (const Buffer& buffer : buffers_) {
    if (buffer.spec.role != Role::kUpdated) continue;
    std::copy_n(running_.begin() + static_cast<std::ptrdiff_t>(at), buffer.bytes, buffer.begin);
    at += buffer.bytes;
  }
}

}  // namespace normbench

// The choice of oneDNN's primitive and layout for a problem.
#pragma once

#include <string>

#include "impls/onednn/descriptors.h"

namespace onednn {

enum class Storage { kPlain, kBlocked };

// A layout, and the primitive of the library for it.
struct Choice {
  memory::format_tag tag;
  dnnl::primitive_desc_base descriptor;

  bool vectorized() const {
    return std::string(descriptor.impl_info_str()).find("jit") != std::string::npos;
  }
};

// Throws dnnl::error if the library has no primitive. Whether blocks of 16 or of 8 channels have a
// vectorized kernel depends on the machine, so the library is asked.
inline Choice choose(const dnnl::engine& engine, const Problem& p, Storage storage) {
  const auto in = [&](memory::format_tag tag) {
    return Choice{tag, describe_primitive(engine, p, tag)};
  };
  if (storage == Storage::kPlain) return in(plain_tag(p));
  Choice wide = in(memory::format_tag::aBcd16b);
  if (wide.vectorized()) return wide;
  Choice narrow = in(memory::format_tag::aBcd8b);
  return narrow.vectorized() ? narrow : wide;
}

// A primitive for one mini-batch, and what is needed to run it.
struct Plan {
  memory::format_tag tag = memory::format_tag::undef;
  memory::desc data;  // x, y, dy and dx of one mini-batch
  memory::desc scratchpad;
  dnnl::primitive primitive;
  std::string implementation;
};

inline Plan make_plan(const dnnl::engine& engine, const Problem& p, Storage storage) {
  const Choice choice = choose(engine, p, storage);
  return {choice.tag, describe_data(p, p.batch, choice.tag), choice.descriptor.scratchpad_desc(),
          dnnl::primitive(choice.descriptor.get()), choice.descriptor.impl_info_str()};
}

}  // namespace onednn

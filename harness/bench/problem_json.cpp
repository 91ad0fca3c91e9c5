// The fields, which results/schema.json lists too.
#include "harness/bench/problem_json.h"

namespace normbench {

nlohmann::ordered_json problem_fields(const Problem& p) {
  return {{"norm", name(p.norm)},
          {"pass", name(p.pass)},
          {"dtype", name(p.dtype)},
          {"layout", name(p.layout)},
          {"n", p.n},
          {"c", p.c},
          {"l", p.l},
          {"batch", p.batch},
          {"groups", p.groups},
          {"eps", p.eps},
          {"momentum", p.momentum},
          {"affine", p.affine}};
}

}  // namespace normbench

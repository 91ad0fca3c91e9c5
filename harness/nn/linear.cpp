// Three products of matrices.
#include "harness/nn/linear.h"

#include <stdexcept>
#include <string>

#include "harness/nn/norm_parts.h"
#include "harness/nn/products.h"

namespace normbench::nn {

Linear::Linear(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options,
               int threads)
    : Weighted((require_positive("in_features", in_features),
                require_positive("out_features", out_features),
                require_parameter_dtype(options.dtype), Sizes{out_features, in_features}),
               options.bias, options.dtype, options.seed, threads) {}

const Array& Linear::run_forward(const Array& x) {
  require_rank("weight", weight, 2);
  const std::int64_t out = weight.sizes()[0];
  const std::int64_t in = weight.sizes()[1];
  if (x.layout() != Layout::kNcl) {
    throw std::invalid_argument("Linear takes data in the layout ncl, whose last dimension is its");
  }
  const std::int64_t given = x.sizes().empty() ? 1 : x.sizes().back();
  const std::int64_t rows = given == 0 ? 0 : x.size() / given;
  if (x.sizes().empty() || given != in) {
    throw std::runtime_error("mat1 and mat2 shapes cannot be multiplied (" + std::to_string(rows) +
                             "x" + std::to_string(given) + " and " + std::to_string(in) + "x" +
                             std::to_string(out) + ")");
  }
  check_types(x);
  const Array& wide = widened(x, x_wide_);
  Sizes sizes = x.sizes();
  sizes.back() = out;
  sums_.resize(sizes, element_type(dtype()));
  with_parameter(dtype(), [&]<class Real>(Real) {
    multiply(rows, out, in, Matrix<Real>{wide.as<Real>().data()},
             Matrix<Real>{weight.as<Real>().data(), true}, sums_.as<Real>().data(), false,
             threads());
  });
  return finish(sums_, 1, x.type());
}

const Array& Linear::run_backward(const Array& x, const Array& dy) {
  const std::int64_t out = weight.sizes()[0];
  const std::int64_t in = weight.sizes()[1];
  const std::int64_t rows = x.size() / in;
  const Array& wide = widened(x, x_wide_);
  const Array& gradient = start(dy, 1);
  dx_wide_.resize(x.sizes(), element_type(dtype()));
  with_parameter(dtype(), [&]<class Real>(Real) {
    multiply(out, in, rows, Matrix<Real>{gradient.as<Real>().data(), true},
             Matrix<Real>{wide.as<Real>().data()}, weight_gradient_.as<Real>().data(), false,
             threads());
    multiply(rows, in, out, Matrix<Real>{gradient.as<Real>().data()},
             Matrix<Real>{weight.as<Real>().data()}, dx_wide_.as<Real>().data(), false, threads());
  });
  if (x.type() == dx_wide_.type()) return dx_wide_;
  dx_.resize(x.sizes(), x.type());
  convert(dx_wide_, dx_);
  return dx_;
}

}  // namespace normbench::nn

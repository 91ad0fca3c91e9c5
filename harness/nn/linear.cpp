// Linear and Conv1d on products of matrices.
#include "harness/nn/linear.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <string>

#include "harness/nn/norm_parts.h"
#include "harness/nn/products.h"
#include "harness/nn/text.h"

namespace normbench::nn {
namespace {

// Calls function(double{}) or function(float{}), the type of parameters.
template <class Function>
void with_parameter(DType dtype, Function function) {
  if (dtype == DType::kF64) {
    function(double{});
  } else {
    function(float{});
  }
}

void require_rank(std::string_view which, const Array& array, std::size_t rank) {
  if (array.sizes().size() == rank) return;
  throw std::invalid_argument(std::string(which) + " must have " + std::to_string(rank) +
                              " dimensions, but is " + size_text(array.sizes()));
}

}  // namespace

Weighted::Weighted(const Sizes& weight_sizes, bool has_bias, DType dtype, std::uint64_t seed,
                   int threads)
    : weight(weight_sizes, element_type(dtype)),
      weight_gradient_(weight_sizes, element_type(dtype)),
      dtype_(dtype),
      threads_(threads) {
  require_positive("threads", threads);
  const Sizes outputs = {weight_sizes[0]};
  if (has_bias) bias = bias_gradient_ = Array(outputs, element_type(dtype));
  const auto terms = static_cast<double>(weight.size() / weight_sizes[0]);
  std::mt19937_64 random(seed);
  const auto draw = [&](Array& array) {
    for (std::int64_t at = 0; at < array.size(); ++at) {
      const double part = static_cast<double>(random() >> 11) * 0x1p-52 - 1;  // from -1 to 1
      array.set(at, part / std::sqrt(terms));
    }
  };
  draw(weight);
  if (bias) draw(*bias);
}

std::vector<Slot> Weighted::slots() {
  std::vector<Slot> all = {{"weight", &weight, &weight_gradient_}};
  add_slot(all, "bias", bias, &bias_gradient_);
  return all;
}

void Weighted::check_types(const Array& x) {
  require_data_type(name(), x, dtype_);
  require_type("weight", weight, element_type(dtype_));
  require_type("bias", bias, element_type(dtype_));
  if (bias) require_elements("bias", *bias, weight.sizes()[0]);
  weight_gradient_.resize(weight.sizes(), weight.type());
  if (bias) bias_gradient_.resize(bias->sizes(), bias->type());
}

const Array& Weighted::widened(const Array& array, Array& room) const {
  if (array.type() == element_type(dtype_)) return array;
  room.resize(array.sizes(), element_type(dtype_), array.layout());
  convert(array, room);
  return room;
}

const Array& Weighted::finish(Array& sums, std::int64_t inner, ElementType type) {
  with_parameter(dtype_, [&]<class Real>(Real) {
    Real* values = sums.as<Real>().data();
    const Real* shift = bias ? bias->as<Real>().data() : nullptr;
    const std::int64_t channels = weight.sizes()[0];
    const std::int64_t runs = sums.size() / std::max<std::int64_t>(inner, 1);
    const bool rectify = relu;
#pragma omp parallel for num_threads(threads_) if (threads_ > 1)
    for (std::int64_t run = 0; run < runs; ++run) {
      const Real added = shift != nullptr ? shift[run % channels] : Real{0};
      for (std::int64_t at = run * inner; at < (run + 1) * inner; ++at) {
        const Real value = values[at] + added;
        values[at] = rectify && value < 0 ? Real{0} : value;
      }
    }
  });
  if (sums.type() == type) return sums;
  y_.resize(sums.sizes(), type, sums.layout());
  convert(sums, y_);
  return y_;
}

const Array& Weighted::start(const Array& dy, std::int64_t inner) {
  if (!relu && !bias && dy.type() == element_type(dtype_)) return dy;
  dy_wide_.resize(dy.sizes(), element_type(dtype_), dy.layout());
  convert(dy, dy_wide_);
  with_parameter(dtype_, [&]<class Real>(Real) {
    Real* values = dy_wide_.as<Real>().data();
    if (relu) {
      const Real* y = sums_.as<Real>().data();
      for (std::int64_t at = 0; at < dy.size(); ++at) {
        if (y[at] <= 0) values[at] = 0;
      }
    }
    if (!bias) return;
    const std::int64_t channels = weight.sizes()[0];
    std::vector<double> all(static_cast<std::size_t>(channels), 0.0);
    for (std::int64_t at = 0; at < dy.size(); ++at) {
      all[static_cast<std::size_t>(at / inner % channels)] += values[at];
    }
    for (std::int64_t k = 0; k < channels; ++k) {
      bias_gradient_.set(k, all[static_cast<std::size_t>(k)]);
    }
  });
  return dy_wide_;
}

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

Conv1d::Conv1d(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
               const Conv1dOptions& options, int threads)
    : Weighted(
          (require_positive("in_channels", in_channels),
           require_positive("out_channels", out_channels),
           require_positive("kernel_size", kernel_size), require_positive("stride", options.stride),
           require_parameter_dtype(options.dtype), Sizes{out_channels, in_channels, kernel_size}),
          options.bias, options.dtype, options.seed, threads),
      stride_(options.stride),
      padding_(options.padding) {
  if (padding_ < 0) {
    throw std::invalid_argument("padding must be at least 0, but got " + std::to_string(padding_));
  }
}

Conv1d::Dimensions Conv1d::dimensions_of(const Array& x) const {
  require_rank("weight", weight, 3);
  const Sizes& sizes = x.sizes();
  if (sizes.size() != 2 && sizes.size() != 3) {
    throw std::runtime_error(
        "Expected 2D (unbatched) or 3D (batched) input to conv1d, but got input of size: " +
        list_text(sizes));
  }
  const bool unbatched = sizes.size() == 2;
  const Sizes whole = unbatched ? Sizes{1, sizes[0], sizes[1]} : sizes;
  if (whole[1] != weight.sizes()[1]) {
    throw std::runtime_error("Given groups=1, weight of size " + list_text(weight.sizes()) +
                             ", expected input" + list_text(whole) + " to have " +
                             std::to_string(weight.sizes()[1]) + " channels, but got " +
                             std::to_string(whole[1]) + " channels instead");
  }
  const std::int64_t padded = whole[2] + 2 * padding_;
  if (padded < weight.sizes()[2]) {
    throw std::runtime_error("Calculated padded input size per channel: (" +
                             std::to_string(padded) + "). Kernel size: (" +
                             std::to_string(weight.sizes()[2]) +
                             "). Kernel size can't be greater than actual input size");
  }
  return {whole[0], whole[2], (padded - weight.sizes()[2]) / stride_ + 1, x.layout()};
}

// The matrix of columns has a row for each product of a sum and a column for each position of the
// output in ncl, so that an output channel is a row; in nlc it is the transpose. Calls
// visit(at, at_step, source, source_step, count) for runs of its elements and of those of the
// sample that are there. What no run has is padding.
template <class Visit>
void Conv1d::for_each_run(const Dimensions& d, Visit visit) const {
  const std::int64_t in = weight.sizes()[1];
  const std::int64_t size = weight.sizes()[2];
  for (std::int64_t t = 0; t < size; ++t) {
    // Positions j of the output for which j * stride + t - padding is inside.
    const std::int64_t before = std::max<std::int64_t>(padding_ - t, 0);
    const std::int64_t first = (before + stride_ - 1) / stride_;
    const std::int64_t behind = d.l + padding_ - t;
    const std::int64_t end = behind <= 0 ? 0 : std::min((behind - 1) / stride_ + 1, d.m);
    if (d.layout == Layout::kNcl) {
      for (std::int64_t k = 0; k < in && first < end; ++k) {
        visit((k * size + t) * d.m + first, std::int64_t{1},
              k * d.l + first * stride_ + t - padding_, stride_, end - first);
      }
    } else {
      for (std::int64_t j = first; j < end; ++j) {
        visit(j * in * size + t, size, (j * stride_ + t - padding_) * in, std::int64_t{1}, in);
      }
    }
  }
}

template <class Real>
void Conv1d::fill_columns(const Dimensions& d, const Real* sample) {
  Real* columns = columns_.as<Real>().data();
  if (padding_ > 0) std::fill(columns, columns + columns_.size(), Real{0});
  for_each_run(d, [&](std::int64_t at, std::int64_t at_step, std::int64_t source,
                      std::int64_t source_step, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      columns[at + i * at_step] = sample[source + i * source_step];
    }
  });
}

template <class Real>
void Conv1d::forward_in(const Array& x) {
  const Dimensions d = dimensions_of(x);
  const std::int64_t out = weight.sizes()[0];
  const std::int64_t terms = weight.size() / out;
  columns_.resize({terms * d.m}, element_type(dtype()));
  Real* columns = columns_.as<Real>().data();
  const Real* w = weight.as<Real>().data();
  for (std::int64_t i = 0; i < d.n; ++i) {
    const Real* sample = x.as<Real>().data() + i * weight.sizes()[1] * d.l;
    fill_columns(d, sample);
    Real* y = sums_.as<Real>().data() + i * out * d.m;
    if (d.layout == Layout::kNcl) {
      multiply(out, d.m, terms, Matrix<Real>{w}, Matrix<Real>{columns}, y, false, threads());
    } else {
      multiply(d.m, out, terms, Matrix<Real>{columns}, Matrix<Real>{w, true}, y, false, threads());
    }
  }
}

template <class Real>
void Conv1d::backward_in(const Array& x, const Array& dy) {
  const Dimensions d = dimensions_of(x);
  const std::int64_t in = weight.sizes()[1];
  const std::int64_t out = weight.sizes()[0];
  const std::int64_t terms = weight.size() / out;
  columns_.resize({terms * d.m}, element_type(dtype()));
  Real* columns = columns_.as<Real>().data();
  const Real* w = weight.as<Real>().data();
  Real* dw = weight_gradient_.as<Real>().data();
  std::fill(dw, dw + weight.size(), Real{0});
  dx_wide_.fill(0);
  const bool ncl = d.layout == Layout::kNcl;
  for (std::int64_t i = 0; i < d.n; ++i) {
    const Real* sample = x.as<Real>().data() + i * in * d.l;
    const Real* g = dy.as<Real>().data() + i * out * d.m;
    fill_columns(d, sample);
    multiply(out, terms, d.m, Matrix<Real>{g, !ncl}, Matrix<Real>{columns, ncl}, dw, true,
             threads());
    if (ncl) {
      multiply(terms, d.m, out, Matrix<Real>{w, true}, Matrix<Real>{g}, columns, false, threads());
    } else {
      multiply(d.m, terms, out, Matrix<Real>{g}, Matrix<Real>{w}, columns, false, threads());
    }
    Real* dx = dx_wide_.as<Real>().data() + i * in * d.l;
    for_each_run(d, [&](std::int64_t at, std::int64_t at_step, std::int64_t source,
                        std::int64_t source_step, std::int64_t count) {
      for (std::int64_t j = 0; j < count; ++j) {
        dx[source + j * source_step] += columns[at + j * at_step];
      }
    });
  }
}

const Array& Conv1d::run_forward(const Array& x) {
  const Dimensions d = dimensions_of(x);
  check_types(x);
  Sizes sizes = {weight.sizes()[0], d.m};
  if (x.sizes().size() == 3) sizes.insert(sizes.begin(), d.n);
  sums_.resize(sizes, element_type(dtype()), x.layout());
  const Array& wide = widened(x, x_wide_);
  with_parameter(dtype(), [&]<class Real>(Real) { forward_in<Real>(wide); });
  return finish(sums_, d.layout == Layout::kNcl ? d.m : 1, x.type());
}

const Array& Conv1d::run_backward(const Array& x, const Array& dy) {
  const Dimensions d = dimensions_of(x);
  const Array& wide = widened(x, x_wide_);
  const Array& gradient = start(dy, d.layout == Layout::kNcl ? d.m : 1);
  dx_wide_.resize(x.sizes(), element_type(dtype()), x.layout());
  with_parameter(dtype(), [&]<class Real>(Real) { backward_in<Real>(wide, gradient); });
  if (x.type() == dx_wide_.type()) return dx_wide_;
  dx_.resize(x.sizes(), x.type(), x.layout());
  convert(dx_wide_, dx_);
  return dx_;
}

}  // namespace normbench::nn

// Each sample as a matrix of columns, and products with that.
#include "harness/nn/conv1d.h"

#include <omp.h>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <string>

#include "harness/nn/norm_parts.h"
#include "harness/nn/products.h"
#include "harness/nn/text.h"

namespace normbench::nn {
namespace {

// Calls work(thread, i) for every sample, each thread for samples side by side: which they are
// depends on nothing but the numbers.
template <class Work>
void share_samples(std::int64_t n, int threads, Work work) {
  std::exception_ptr error;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (std::int64_t i = 0; i < n; ++i) {
    try {
      work(omp_get_thread_num(), i);
    } catch (...) {
#pragma omp critical
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace

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
void Conv1d::fill_columns(const Dimensions& d, const Real* sample, Real* columns) const {
  if (padding_ > 0) std::fill(columns, columns + columns_per_sample(d), Real{0});
  for_each_run(d, [&](std::int64_t at, std::int64_t at_step, std::int64_t source,
                      std::int64_t source_step, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      columns[at + i * at_step] = sample[source + i * source_step];
    }
  });
}

std::int64_t Conv1d::columns_per_sample(const Dimensions& d) const {
  return weight.size() / weight.sizes()[0] * d.m;
}

template <class Real>
void Conv1d::forward_in(const Array& x) {
  const Dimensions d = dimensions_of(x);
  const std::int64_t in = weight.sizes()[1];
  const std::int64_t out = weight.sizes()[0];
  const std::int64_t terms = weight.size() / out;
  columns_.resize({threads(), columns_per_sample(d)}, element_type(dtype()));
  const Real* w = weight.as<Real>().data();
  share_samples(d.n, threads(), [&](int thread, std::int64_t i) {
    Real* columns = columns_.as<Real>().data() + thread * columns_per_sample(d);
    fill_columns(d, x.as<Real>().data() + i * in * d.l, columns);
    Real* y = sums_.as<Real>().data() + i * out * d.m;
    if (d.layout == Layout::kNcl) {
      multiply(out, d.m, terms, Matrix<Real>{w}, Matrix<Real>{columns}, y, false, 1);
    } else {
      multiply(d.m, out, terms, Matrix<Real>{columns}, Matrix<Real>{w, true}, y, false, 1);
    }
  });
}

template <class Real>
void Conv1d::backward_in(const Array& x, const Array& dy) {
  const Dimensions d = dimensions_of(x);
  const std::int64_t in = weight.sizes()[1];
  const std::int64_t out = weight.sizes()[0];
  const std::int64_t terms = weight.size() / out;
  columns_.resize({threads(), columns_per_sample(d)}, element_type(dtype()));
  parts_.resize({threads(), weight.size()}, element_type(dtype()));
  parts_.fill(0);
  dx_wide_.fill(0);
  const Real* w = weight.as<Real>().data();
  const bool ncl = d.layout == Layout::kNcl;
  share_samples(d.n, threads(), [&](int thread, std::int64_t i) {
    Real* columns = columns_.as<Real>().data() + thread * columns_per_sample(d);
    Real* dw = parts_.as<Real>().data() + thread * weight.size();
    const Real* g = dy.as<Real>().data() + i * out * d.m;
    fill_columns(d, x.as<Real>().data() + i * in * d.l, columns);
    multiply(out, terms, d.m, Matrix<Real>{g, !ncl}, Matrix<Real>{columns, ncl}, dw, true, 1);
    if (ncl) {
      multiply(terms, d.m, out, Matrix<Real>{w, true}, Matrix<Real>{g}, columns, false, 1);
    } else {
      multiply(d.m, terms, out, Matrix<Real>{g}, Matrix<Real>{w}, columns, false, 1);
    }
    Real* dx = dx_wide_.as<Real>().data() + i * in * d.l;
    for_each_run(d, [&](std::int64_t at, std::int64_t at_step, std::int64_t source,
                        std::int64_t source_step, std::int64_t count) {
      for (std::int64_t j = 0; j < count; ++j) {
        dx[source + j * source_step] += columns[at + j * at_step];
      }
    });
  });
  const Real* parts = parts_.as<Real>().data();
  Real* dw = weight_gradient_.as<Real>().data();
  for (std::int64_t at = 0; at < weight.size(); ++at) {
    Real sum = 0;
    for (int thread = 0; thread < threads(); ++thread) sum += parts[thread * weight.size() + at];
    dw[at] = sum;
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

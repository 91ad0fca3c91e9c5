// The affine map that batch norm is, in evaluation.
#include "harness/nn/fold.h"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness/nn/channels.h"
#include "harness/nn/norm_parts.h"

namespace normbench::nn {
namespace {

using Wide = long double;

// y = (x - mean) * scale + bias, per channel.
struct Affine {
  Wide scale, mean, bias;
};

std::vector<Affine> affine_of(const BatchNorm1d& norm) {
  if (!norm.running_mean || !norm.running_var) {
    throw std::invalid_argument(
        "a batch norm without running statistics cannot be folded: it uses those of its input");
  }
  std::vector<Affine> all;
  for (std::int64_t k = 0; k < norm.num_features(); ++k) {
    const Wide gamma = norm.weight ? norm.weight->get(k) : 1;
    const Wide variance = norm.running_var->get(k);
    all.push_back({.scale = gamma / std::sqrt(variance + static_cast<Wide>(norm.eps)),
                   .mean = norm.running_mean->get(k),
                   .bias = norm.bias ? norm.bias->get(k) : 0});
  }
  return all;
}

// Gives `folded`, whose sizes are those of `layer`, its weight and bias.
template <class Layer>
void fold_into(Layer& folded, const Layer& layer, const BatchNorm1d& norm, bool relu) {
  const std::int64_t outputs = layer.weight.sizes()[0];
  if (norm.num_features() != outputs) {
    throw std::invalid_argument("a batch norm of " + std::to_string(norm.num_features()) +
                                " features does not go with " + std::to_string(outputs) +
                                " outputs");
  }
  if (layer.weight.type() != element_type(norm.dtype())) {
    throw std::invalid_argument("a batch norm with parameters of " +
                                std::string(name(norm.dtype())) + " does not go with a layer of " +
                                std::string(name(layer.weight.type())));
  }
  if (layer.relu) throw std::invalid_argument("a batch norm behind a ReLU cannot be folded");
  const std::vector<Affine> affine = affine_of(norm);
  const std::int64_t terms = layer.weight.size() / outputs;
  for (std::int64_t k = 0; k < outputs; ++k) {
    const Affine& each = affine[static_cast<std::size_t>(k)];
    const Wide bias = layer.bias ? layer.bias->get(k) : 0;
    folded.bias->set(k, static_cast<double>((bias - each.mean) * each.scale + each.bias));
    for (std::int64_t at = k * terms; at < (k + 1) * terms; ++at) {
      folded.weight.set(at, static_cast<double>(layer.weight.get(at) * each.scale));
    }
  }
  folded.relu = relu;
}

}  // namespace

Linear fold(const Linear& layer, const BatchNorm1d& norm, bool relu) {
  Linear folded(layer.weight.sizes()[1], layer.weight.sizes()[0], {.dtype = layer.dtype()},
                layer.threads());
  fold_into(folded, layer, norm, relu);
  return folded;
}

Conv1d fold(const Conv1d& layer, const BatchNorm1d& norm, bool relu) {
  Conv1d folded(layer.weight.sizes()[1], layer.weight.sizes()[0], layer.weight.sizes()[2],
                {.stride = layer.stride(), .padding = layer.padding(), .dtype = layer.dtype()},
                layer.threads());
  fold_into(folded, layer, norm, relu);
  return folded;
}

ScaleShift::ScaleShift(const BatchNorm1d& norm, bool relu_behind, int threads)
    : scale({norm.num_features()}, element_type(norm.dtype())),
      shift(scale),
      relu(relu_behind),
      dtype_(norm.dtype()),
      threads_(threads) {
  require_positive("threads", threads);
  const std::vector<Affine> affine = affine_of(norm);
  for (std::int64_t k = 0; k < norm.num_features(); ++k) {
    const Affine& each = affine[static_cast<std::size_t>(k)];
    scale.set(k, static_cast<double>(each.scale));
    shift.set(k, static_cast<double>(each.bias - each.mean * each.scale));
  }
}

std::vector<Slot> ScaleShift::slots() {
  return {{"scale", &scale, nullptr}, {"shift", &shift, nullptr}};
}

const Array& ScaleShift::run_forward(const Array& x) {
  if (x.sizes().size() != 2 && x.sizes().size() != 3) throw rank_error(x, "2D or 3D");
  const std::int64_t channels = scale.size();
  if (x.sizes()[1] != channels) {
    throw std::invalid_argument("ScaleShift of " + std::to_string(channels) +
                                " channels cannot take data of " + size_text(x.sizes()));
  }
  require_data_type(name(), x, dtype_);
  require_type("scale", scale, element_type(dtype_));
  require_type("shift", shift, element_type(dtype_));
  require_elements("shift", shift, channels);
  y_.resize(x.sizes(), x.type(), x.layout());
  const bool planes = x.sizes().size() == 3 && x.layout() == Layout::kNcl;
  const std::int64_t run = planes ? x.sizes()[2] : 1;
  const std::int64_t rows = x.size() == 0 ? 0 : x.size() / (run * channels);
  with_storage(*dtype_of(x.type()), [&]<class T>(T) {
    using Real = Parameter<T>;
    const T* from = x.as<T>().data();
    T* to = y_.as<T>().data();
    const Real* a = scale.as<Real>().data();
    const Real* b = shift.as<Real>().data();
    const bool rectify = relu;
    for_each_value(rows, channels, run, threads_, [=](std::int64_t at, std::int64_t k) {
      const Real value = static_cast<Real>(from[at]) * a[k] + b[k];
      to[at] = static_cast<T>(rectify && value < 0 ? Real{0} : value);
    });
  });
  return y_;
}

const Array& ScaleShift::run_backward(const Array&, const Array&) {
  throw std::logic_error("ScaleShift is for evaluation: it has no backward()");
}

}  // namespace normbench::nn

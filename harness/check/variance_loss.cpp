// Compares variances with the oracle, relative to themselves.
#include "harness/check/variance_loss.h"

#include <algorithm>
#include <cmath>

namespace normbench {

void VarianceLoss::see(const VarianceLoss& other) {
  relative = std::max(relative, other.relative);
  values += other.values;
  negative += other.negative;
  not_numbers += other.not_numbers;
}

VarianceLoss variance_loss(const Workspace& workspace, const Oracle& oracle,
                           const Accuracy& accuracy) {
  VarianceLoss loss;
  const Tensor& variance = workspace.arguments().variance;
  if (accuracy.variance == VarianceForm::kDeviations || !variance.present()) return loss;
  with_storage(variance.dtype, [&]<class T>(T) {
    const auto values = variance.as<T>();
    for (std::size_t at = 0; at < values.size(); ++at) {
      const auto got = static_cast<double>(values[at]);
      const double expected = oracle.variance(at, accuracy).value;
      ++loss.values;
      if (std::isnan(got)) ++loss.not_numbers;
      if (got < 0) ++loss.negative;
      if (expected > 0 && !std::isnan(got)) {
        loss.relative = std::max(loss.relative, std::abs(got - expected) / expected);
      }
    }
  });
  return loss;
}

}  // namespace normbench

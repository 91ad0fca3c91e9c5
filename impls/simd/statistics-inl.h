// The functions of StatisticFunctions: loops that compilers vectorize for each instruction set. No
// include guard, as in vectors-inl.h.

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// 1 / sqrt(value), rounded once. In doubles the root and the division take most of the time of
// short columns, so for floats they are those of floats, and one step of Newton's method makes up
// for it; the error of 2^-23 that it starts from leaves 2^-45.
template <class Real>
HWY_INLINE Real inverse_root(double value) {
  if constexpr (std::is_same_v<Real, double>) {
    return 1 / std::sqrt(value);
  } else {
    const double start = static_cast<double>(1 / std::sqrt(static_cast<float>(value)));
    return static_cast<Real>(start * (1.5 - 0.5 * value * start * start));
  }
}

// Values that floats do not hold, or of which the step makes NaN.
template <class Real>
HWY_INLINE bool is_extreme(double value) {
  return std::is_same_v<Real, float> && !(value > 1e-30 && value < 1e30);
}

// The sum of n values, over n.
template <class Real>
HWY_INLINE double over(double sum, double n, double inverse) {
  return std::is_same_v<Real, double> ? sum / n : sum * inverse;
}

template <class Real>
bool conclude(Index tiles, const double* HWY_RESTRICT a, const double* HWY_RESTRICT ab,
              const Real* HWY_RESTRICT shift, double n, double eps, Real* HWY_RESTRICT mean,
              Real* HWY_RESTRICT variance, Real* HWY_RESTRICT rstd) {
  const double inverse = 1 / n;
  int far = 0;
  int extreme = 0;
  for (Index i = 0; i < tiles; ++i) {
    const double off = over<Real>(a[i], n, inverse);
    const double about_mean = over<Real>(ab[i] - a[i] * off, n, inverse);
    const double positive = about_mean < 0 ? 0 : about_mean;  // NaN remains
    far |= off * off > positive ? 1 : 0;
    extreme |= is_extreme<Real>(positive + eps) ? 1 : 0;
    mean[i] = static_cast<Real>(static_cast<double>(shift[i]) + off);
    variance[i] = static_cast<Real>(positive);
    rstd[i] = inverse_root<Real>(positive + eps);
  }
  for (Index i = 0; extreme != 0 && i < tiles; ++i) {
    const double off = a[i] / n;
    const double about_mean = (ab[i] - a[i] * off) / n;
    rstd[i] = static_cast<Real>(1 / std::sqrt((about_mean < 0 ? 0 : about_mean) + eps));
  }
  return far != 0;
}

template <class Real>
void find_rstd(Index tiles, const Real* HWY_RESTRICT variance, double eps,
               Real* HWY_RESTRICT rstd) {
  int extreme = 0;
  for (Index i = 0; i < tiles; ++i) {
    const double value = static_cast<double>(variance[i]) + eps;
    extreme |= is_extreme<Real>(value) ? 1 : 0;
    rstd[i] = inverse_root<Real>(value);
  }
  for (Index i = 0; extreme != 0 && i < tiles; ++i) {
    rstd[i] = static_cast<Real>(1 / std::sqrt(static_cast<double>(variance[i]) + eps));
  }
}

template <class Real>
void update(Index tiles, const Real* mean, const Real* variance, double momentum, double unbias,
            Real* HWY_RESTRICT running_mean, Real* HWY_RESTRICT running_var) {
  for (Index i = 0; i < tiles; ++i) {
    running_mean[i] = static_cast<Real>((1 - momentum) * static_cast<double>(running_mean[i]) +
                                        momentum * static_cast<double>(mean[i]));
    running_var[i] = static_cast<Real>((1 - momentum) * static_cast<double>(running_var[i]) +
                                       momentum * (unbias * static_cast<double>(variance[i])));
  }
}

template <class Real>
void find_slopes(Index tiles, const double* HWY_RESTRICT a, const double* HWY_RESTRICT ab,
                 const Real* HWY_RESTRICT rstd, double n, Real* HWY_RESTRICT constant,
                 Real* HWY_RESTRICT slope) {
  const double inverse = 1 / n;
  for (Index i = 0; i < tiles; ++i) {
    const auto r = static_cast<double>(rstd[i]);
    constant[i] = static_cast<Real>(a[i] * inverse * r);
    slope[i] = static_cast<Real>(ab[i] * inverse * r * r * r);
  }
}

template <class Real>
void gradients(Index size, const double* HWY_RESTRICT a, const double* HWY_RESTRICT ab,
               const Real* HWY_RESTRICT rstd, Real* HWY_RESTRICT dbeta, Real* HWY_RESTRICT dgamma) {
  for (Index i = 0; i < size; ++i) {
    dbeta[i] = static_cast<Real>(a[i]);
    dgamma[i] = static_cast<Real>(ab[i] * static_cast<double>(rstd[i]));
  }
}

template <class Real>
void weigh(Index size, const Real* HWY_RESTRICT gamma, double* HWY_RESTRICT a,
           double* HWY_RESTRICT ab) {
  for (Index i = 0; i < size; ++i) {
    a[i] *= static_cast<double>(gamma[i]);
    ab[i] *= static_cast<double>(gamma[i]);
  }
}

template <class Real>
void multiply(Index size, const Real* HWY_RESTRICT left, const Real* HWY_RESTRICT right,
              Real* HWY_RESTRICT product) {
  for (Index i = 0; i < size; ++i) product[i] = left[i] * right[i];
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();

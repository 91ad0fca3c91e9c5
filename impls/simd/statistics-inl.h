// The functions of StatisticFunctions: loops that compilers vectorize for each instruction set. No
// include guard, as in vectors-inl.h.

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

template <class Real>
bool conclude(Index tiles, const double* HWY_RESTRICT a, const double* HWY_RESTRICT ab,
              const Real* HWY_RESTRICT shift, double n, double eps, Real* HWY_RESTRICT mean,
              Real* HWY_RESTRICT variance, Real* HWY_RESTRICT rstd) {
  int far = 0;
  for (Index i = 0; i < tiles; ++i) {
    const double off = a[i] / n;
    const double about_mean = (ab[i] - a[i] * off) / n;
    const double positive = about_mean < 0 ? 0 : about_mean;  // NaN remains
    far |= off * off > positive ? 1 : 0;
    mean[i] = static_cast<Real>(static_cast<double>(shift[i]) + off);
    variance[i] = static_cast<Real>(positive);
    rstd[i] = static_cast<Real>(1 / std::sqrt(positive + eps));
  }
  return far != 0;
}

template <class Real>
void find_rstd(Index tiles, const Real* HWY_RESTRICT variance, double eps,
               Real* HWY_RESTRICT rstd) {
  for (Index i = 0; i < tiles; ++i) {
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
  for (Index i = 0; i < tiles; ++i) {
    const auto r = static_cast<double>(rstd[i]);
    constant[i] = static_cast<Real>(a[i] / n * r);
    slope[i] = static_cast<Real>(ab[i] / n * r * r * r);
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

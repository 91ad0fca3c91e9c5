// The functions of StatisticFunctions, in double arithmetic. No include guard, as in vectors-inl.h.

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// Calls body(tag, i) for each whole vector of doubles, then for each element of the tail.
template <class Body>
HWY_INLINE void for_doubles(Index size, const Body& body) {
  constexpr Index kLanes = lanes<double>();
  Index i = 0;
  for (; i + kLanes <= size; i += kLanes) body(DoubleTag(), i);
  for (; i < size; ++i) body(hn::CappedTag<double, 1>(), i);
}

template <class D>
HWY_INLINE hn::Vec<D> get(D d, const float* from) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, D>(), from));
}
template <class D>
HWY_INLINE hn::Vec<D> get(D d, const double* from) {
  return hn::LoadU(d, from);
}
template <class D>
HWY_INLINE void put(D, hn::Vec<D> value, float* to) {
#if HWY_TARGET == HWY_SCALAR  // converts infinity to the largest float
  *to = static_cast<float>(hn::GetLane(value));
#else
  const hn::Rebind<float, D> floats;
  hn::StoreU(hn::DemoteTo(floats, value), floats, to);
#endif
}
template <class D>
HWY_INLINE void put(D d, hn::Vec<D> value, double* to) {
  hn::StoreU(value, d, to);
}

// 1 / sqrt(value) for a result in Real. Square root and division in double would take most of the
// time of short columns. So floats use float ones, and a step of Newton's method in double: it
// reduces the relative error from 2^-23 to 2^-45.
template <class Real, class D>
HWY_INLINE hn::Vec<D> inverse_root(D d, hn::Vec<D> value) {
  const auto one = hn::Set(d, 1.0);
  if constexpr (std::is_same_v<Real, float>) {
    const auto fits = hn::And(hn::Gt(value, hn::Set(d, 1e-30)), hn::Lt(value, hn::Set(d, 1e30)));
    if (HWY_LIKELY(hn::AllTrue(d, fits))) {
      const hn::Rebind<float, D> floats;
      const auto root = hn::Sqrt(hn::DemoteTo(floats, value));
      const auto start = hn::PromoteTo(d, hn::Div(hn::Set(floats, 1.0F), root));
      const auto half = hn::Mul(hn::Mul(value, hn::Set(d, 0.5)), start);
      return hn::Mul(start, hn::NegMulAdd(half, start, hn::Set(d, 1.5)));
    }
  }
  return hn::Div(one, hn::Sqrt(value));
}

// sum / n
template <class Real, class D>
HWY_INLINE hn::Vec<D> over(D d, hn::Vec<D> sum, double n) {
  // Rounds twice, which a float result does not show.
  if constexpr (std::is_same_v<Real, float>) return hn::Mul(sum, hn::Set(d, 1 / n));
  return hn::Div(sum, hn::Set(d, n));
}

template <class Real>
bool conclude(Index tiles, const double* a, const double* ab, const Real* pivot, double n,
              double eps, Real* mean, Real* variance, Real* rstd) {
  bool fine = true;
  for_doubles(tiles, [&](auto d, Index i) {
    const auto sum = hn::LoadU(d, a + i);
    const auto off = over<Real>(d, sum, n);
    const auto squares = hn::NegMulAdd(sum, off, hn::LoadU(d, ab + i));
    const auto about_mean = over<Real>(d, squares, n);
    // Keeps NaN.
    const auto zero = hn::Zero(d);
    const auto positive = hn::IfThenElse(hn::Lt(about_mean, zero), zero, about_mean);
    const auto largest = hn::Set(d, static_cast<double>(std::numeric_limits<Real>::max()));
    const auto is_near = hn::Le(hn::Mul(off, off), positive);
    fine &= hn::AllTrue(d, hn::And(is_near, hn::Le(positive, largest)));
    put(d, hn::Add(get(d, pivot + i), off), mean + i);
    put(d, positive, variance + i);
    put(d, inverse_root<Real>(d, hn::Add(positive, hn::Set(d, eps))), rstd + i);
  });
  return fine;
}

template <class Real>
void find_rstd(Index tiles, const Real* variance, double eps, Real* rstd) {
  for_doubles(tiles, [&](auto d, Index i) {
    put(d, inverse_root<Real>(d, hn::Add(get(d, variance + i), hn::Set(d, eps))), rstd + i);
  });
}

template <class Real>
void update(Index tiles, const Real* mean, const Real* variance, double momentum, double unbias,
            Real* running_mean, Real* running_var) {
  for_doubles(tiles, [&](auto d, Index i) {
    const auto rest = hn::Set(d, 1 - momentum);
    const auto move = [&](auto value, Real* running) {
      const auto part = hn::Mul(hn::Set(d, momentum), value);
      put(d, hn::MulAdd(rest, get(d, running), part), running);
    };
    move(get(d, mean + i), running_mean + i);
    move(hn::Mul(hn::Set(d, unbias), get(d, variance + i)), running_var + i);
  });
}

template <class Real>
void fold(Index size, const Real* mean, const Real* scale, const Real* beta, Real* bias) {
  for_doubles(size, [&](auto d, Index i) {
    put(d, hn::NegMulAdd(get(d, mean + i), get(d, scale + i), get(d, beta + i)), bias + i);
  });
}

template <class Real>
void find_slopes(Index tiles, const double* a, const double* ab, const Real* rstd, double n,
                 Real* constant, Real* slope) {
  for_doubles(tiles, [&](auto d, Index i) {
    const auto r = get(d, rstd + i);
    const auto over_n = hn::Mul(r, hn::Set(d, 1 / n));
    put(d, hn::Mul(hn::LoadU(d, a + i), over_n), constant + i);
    put(d, hn::Mul(hn::Mul(hn::LoadU(d, ab + i), over_n), hn::Mul(r, r)), slope + i);
  });
}

template <class Real>
void gradients(Index size, const double* a, const double* ab, const Real* rstd, Real* dbeta,
               Real* dgamma) {
  for_doubles(size, [&](auto d, Index i) {
    put(d, hn::LoadU(d, a + i), dbeta + i);
    put(d, hn::Mul(hn::LoadU(d, ab + i), get(d, rstd + i)), dgamma + i);
  });
}

// sums[i] = sums[2 * i] + sums[2 * i + 1], in place
inline void add_neighbors(Index size, double* sums) {
  Index i = 0;
#if HWY_TARGET != HWY_SCALAR  // has one lane
  constexpr Index kLanes = lanes<double>();
  const DoubleTag d;
  for (; i + kLanes <= size; i += kLanes) {
    const auto low = hn::LoadU(d, sums + 2 * i);
    const auto high = hn::LoadU(d, sums + 2 * i + kLanes);
    hn::StoreU(hn::Add(hn::ConcatEven(d, high, low), hn::ConcatOdd(d, high, low)), d, sums + i);
  }
#endif
  for (; i < size; ++i) sums[i] = sums[2 * i] + sums[2 * i + 1];
}

inline void add_up(Index tiles, Index segments, double* sums) {
  constexpr Index kLanes = lanes<double>();
  const DoubleTag d;
  while (segments % 2 == 0 && segments <= 2 * kLanes) add_neighbors(tiles * (segments /= 2), sums);
  if (segments == 1) return;
  for (Index i = 0; i < tiles; ++i) {
    const double* own = sums + i * segments;
    Doubles vectors = hn::Zero(d);
    Index k = 0;
    for (; k + kLanes <= segments; k += kLanes) vectors = hn::Add(vectors, hn::LoadU(d, own + k));
    double sum = hn::GetLane(hn::SumOfLanes(d, vectors));
    for (; k < segments; ++k) sum += own[k];
    sums[i] = sum;
  }
}

// Broadcasts for fewer segments per tile than a vector has lanes, as long as whole vectors can be
// loaded and stored. Returns the number of segments that are done.
template <class Real>
HWY_INLINE Index broadcast_within_vectors(Index tiles, Index segments, const Real* of_tiles,
                                          Real* of_segments) {
  constexpr Index kLanes = lanes<Real>();
  const hn::ScalableTag<Real> d;
  const hn::RebindToSigned<decltype(d)> integers;
  // Lane i holds i + 1/2, so that no quotient is near an integer before it is truncated.
  const auto places = hn::Iota(d, Real{0.5});
  const auto inverse = hn::Set(d, 1 / static_cast<Real>(segments));
  const Index step = kLanes / segments;
  Index done = 0;
  Index within = 0;  // segments of this tile that are done
  for (Index tile = 0; tile + kLanes <= tiles; done += kLanes) {
    const auto place = hn::Add(places, hn::Set(d, static_cast<Real>(within)));
    const auto from = hn::ConvertTo(integers, hn::Mul(place, inverse));
    const auto numbers = hn::LoadU(d, of_tiles + tile);
    hn::StoreU(hn::TableLookupLanes(numbers, hn::IndicesFromVec(d, from)), d, of_segments + done);
    tile += step;
    within += kLanes - step * segments;
    if (within >= segments) within -= segments, ++tile;
  }
  return done;
}

template <class Real>
void broadcast(Index tiles, Index segments, const Real* of_tiles, Real* of_segments) {
  constexpr Index kLanes = lanes<Real>();
  const hn::ScalableTag<Real> d;
  Index done = 0;
  if (segments < kLanes) done = broadcast_within_vectors(tiles, segments, of_tiles, of_segments);
  for (Index tile = done / segments; tile < tiles; ++tile) {
    const auto number = hn::Set(d, of_tiles[tile]);
    const Index last = (tile + 1) * segments;
    for (; done + kLanes <= last; done += kLanes) hn::StoreU(number, d, of_segments + done);
    for (; done < last; ++done) of_segments[done] = of_tiles[tile];
  }
}

inline void add(Index size, const double* more, double* sums) {
  for_doubles(size, [&](auto d, Index i) {
    hn::StoreU(hn::Add(hn::LoadU(d, sums + i), hn::LoadU(d, more + i)), d, sums + i);
  });
}

template <class Real>
void weigh(Index size, const Real* gamma, double* a, double* ab) {
  for_doubles(size, [&](auto d, Index i) {
    const auto factor = get(d, gamma + i);
    hn::StoreU(hn::Mul(hn::LoadU(d, a + i), factor), d, a + i);
    hn::StoreU(hn::Mul(hn::LoadU(d, ab + i), factor), d, ab + i);
  });
}

template <class Real>
void multiply(Index size, const Real* HWY_RESTRICT left, const Real* HWY_RESTRICT right,
              Real* HWY_RESTRICT product) {
  for (Index i = 0; i < size; ++i) product[i] = left[i] * right[i];
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();

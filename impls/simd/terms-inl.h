// What is summed and what is written, as expressions of one vector: of(i) is the vector at offset
// i, of.some(i, count) its first `count` lanes, and of.fetch(i) prefetches what of(i) loads. No
// include guard, as in vectors-inl.h.

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// The terms a and b of the sums of a and a * b. Inactive lanes have a = 0.
template <class T>
struct Pair {
  Vec<T> a, b;
};

// a = b = x - pivot
template <class T>
struct ForwardTerms {
  const T* x;
  Vec<T> pivot;

  HWY_INLINE Pair<T> operator()(Index at) const {
    const auto deviation = hn::Sub(load(x + at), pivot);
    return {deviation, deviation};
  }
  HWY_INLINE Pair<T> some(Index at, Index count) const {
    const auto deviation = only_first<T>(hn::Sub(load_some(x + at, count), pivot), count);
    return {deviation, deviation};
  }
  HWY_INLINE void fetch(Index at) const { prefetch(x + at); }
};

// a = dy, b = x - mean
template <class T>
struct BackwardTerms {
  const T* x;
  const T* dy;
  Vec<T> mean;

  HWY_INLINE Pair<T> operator()(Index at) const {
    return {load(dy + at), hn::Sub(load(x + at), mean)};
  }
  HWY_INLINE Pair<T> some(Index at, Index count) const {
    return {load_some(dy + at, count), hn::Sub(load_some(x + at, count), mean)};
  }
  HWY_INLINE void fetch(Index at) const {
    prefetch(x + at);
    prefetch(dy + at);
  }
};

// a = dy * gamma, b = x - mean, with a gamma per column.
template <class T>
struct WeightedTerms {
  const T* x;
  const T* dy;
  const Parameter<T>* gamma;
  Vec<T> mean;

  HWY_INLINE Pair<T> operator()(Index at) const {
    return {hn::Mul(load(dy + at), load(gamma + at)), hn::Sub(load(x + at), mean)};
  }
  HWY_INLINE Pair<T> some(Index at, Index count) const {
    return {hn::Mul(load_some(dy + at, count), load_some(gamma + at, count)),
            hn::Sub(load_some(x + at, count), mean)};
  }
};

// A coefficient of all columns.
template <class T>
struct Constant {
  Vec<T> value;
  explicit HWY_INLINE Constant(Parameter<T> number) : value(hn::Set(Tag<T>(), number)) {}
  explicit HWY_INLINE Constant(Vec<T> numbers) : value(numbers) {}
  HWY_INLINE Vec<T> operator()(Index) const { return value; }
  HWY_INLINE Vec<T> some(Index, Index) const { return value; }
};

// A coefficient per column. of(column) holds those of one vector of columns in a register.
template <class T>
struct Array {
  const Parameter<T>* values;
  HWY_INLINE Constant<T> of(Index column) const { return Constant<T>(load(values + column)); }
  HWY_INLINE Vec<T> operator()(Index at) const { return load(values + at); }
  HWY_INLINE Vec<T> some(Index at, Index count) const { return load_some(values + at, count); }
};

// y = (x - mean) * scale + beta
template <class T, class Number>
struct Normalized {
  const T* x;
  Number mean, scale, beta;

  HWY_INLINE Normalized<T, Constant<T>> of(Index column) const {
    return {x, mean.of(column), scale.of(column), beta.of(column)};
  }
  HWY_INLINE Vec<T> operator()(Index at, Index column) const {
    return hn::MulAdd(hn::Sub(load(x + at), mean(column)), scale(column), beta(column));
  }
  HWY_INLINE Vec<T> some(Index at, Index column, Index count) const {
    return hn::MulAdd(hn::Sub(load_some(x + at, count), mean.some(column, count)),
                      scale.some(column, count), beta.some(column, count));
  }
  HWY_INLINE void fetch(Index at) const { prefetch(x + at); }
};

// y = x * scale + bias
template <class T, class Number>
struct Folded {
  const T* x;
  Number scale, bias;

  HWY_INLINE Folded<T, Constant<T>> of(Index column) const {
    return {x, scale.of(column), bias.of(column)};
  }
  HWY_INLINE Vec<T> operator()(Index at, Index column) const {
    return hn::MulAdd(load(x + at), scale(column), bias(column));
  }
  HWY_INLINE Vec<T> some(Index at, Index column, Index count) const {
    return hn::MulAdd(load_some(x + at, count), scale.some(column, count),
                      bias.some(column, count));
  }
  HWY_INLINE void fetch(Index at) const { prefetch(x + at); }
};

// y = (x - mean) * rstd * gamma + beta
template <class T>
struct Weighted {
  const T* x;
  Constant<T> mean, rstd;
  Array<T> gamma, beta;

  HWY_INLINE Vec<T> operator()(Index at, Index column) const {
    return hn::MulAdd(hn::Mul(hn::Sub(load(x + at), mean.value), rstd.value), gamma(column),
                      beta(column));
  }
  HWY_INLINE Vec<T> some(Index at, Index column, Index count) const {
    const auto normal = hn::Mul(hn::Sub(load_some(x + at, count), mean.value), rstd.value);
    return hn::MulAdd(normal, gamma.some(column, count), beta.some(column, count));
  }
  HWY_INLINE void fetch(Index at) const { prefetch(x + at); }
};

// dx = dy * scale - constant - (x - mean) * slope
template <class T, class Number>
struct Differentiated {
  const T* x;
  const T* dy;
  Number mean, scale, constant, slope;

  HWY_INLINE Differentiated<T, Constant<T>> of(Index column) const {
    return {x, dy, mean.of(column), scale.of(column), constant.of(column), slope.of(column)};
  }
  HWY_INLINE Vec<T> operator()(Index at, Index column) const {
    const auto deviation = hn::Sub(load(x + at), mean(column));
    const auto rest = hn::MulAdd(deviation, slope(column), constant(column));
    return hn::MulSub(load(dy + at), scale(column), rest);
  }
  HWY_INLINE Vec<T> some(Index at, Index column, Index count) const {
    const auto deviation = hn::Sub(load_some(x + at, count), mean.some(column, count));
    const auto rest =
        hn::MulAdd(deviation, slope.some(column, count), constant.some(column, count));
    return hn::MulSub(load_some(dy + at, count), scale.some(column, count), rest);
  }
  HWY_INLINE void fetch(Index at) const {
    prefetch(x + at);
    prefetch(dy + at);
  }
};

// dx = dy * scale
template <class T, class Number>
struct Rescaled {
  const T* dy;
  Number scale;

  HWY_INLINE Rescaled<T, Constant<T>> of(Index column) const { return {dy, scale.of(column)}; }
  HWY_INLINE Vec<T> operator()(Index at, Index column) const {
    return hn::Mul(load(dy + at), scale(column));
  }
  HWY_INLINE Vec<T> some(Index at, Index column, Index count) const {
    return hn::Mul(load_some(dy + at, count), scale.some(column, count));
  }
  HWY_INLINE void fetch(Index at) const { prefetch(dy + at); }
};

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();

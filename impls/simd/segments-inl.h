// The functions of SegmentFunctions. No include guard, as in vectors-inl.h.

HWY_BEFORE_NAMESPACE();
namespace simd {
namespace HWY_NAMESPACE {

// Rounds to a multiple of a quarter of the largest power of two that is at most `spread`. A pivot
// that is a value of the input plus such a multiple has few digits if the input has, so that sums
// that can be exact are exact.
template <class T>
HWY_INLINE Vec<T> round_coarsely(Vec<T> value, Vec<T> spread) {
  const Tag<T> d;
  const hn::RebindToUnsigned<Tag<T>> integers;
  using Integer = hn::TFromD<decltype(integers)>;
  constexpr int kDigits = std::numeric_limits<Parameter<T>>::digits - 1;
  const auto exponent =
      hn::Set(integers, std::numeric_limits<Integer>::max() >> 1 >> kDigits << kDigits);
  const auto power = hn::BitCast(d, hn::And(hn::BitCast(integers, spread), exponent));
  // Adding so large a number rounds away all lower digits; subtracting it restores the others.
  const auto large =
      hn::Mul(power, hn::Set(d, static_cast<Parameter<T>>(Integer{3} << (kDigits - 3))));
  return hn::Sub(hn::Add(value, large), large);
}

// Samples four pieces of each segment, of at most a vector.
template <class T>
void find_pivot_of_runs(const T* x, const Region& region, Parameter<T>* pivot) {
  constexpr Index kPieces = 4;
  const Index count = std::min(lanes<T>(), region.length);
  const Tag<T> d;
  for (Index segment = 0; segment < region.segments; ++segment) {
    const T* own = x + segment * region.segment_stride;
    const auto start = hn::Set(d, static_cast<Parameter<T>>(own[0]));
    auto sum = hn::Zero(d);
    auto spread = sum;
    for (Index i = 0; i < kPieces; ++i) {
      const T* piece = own + region.rows * i / kPieces * region.row_stride +
                       (region.length - count) * i / kPieces;
      const auto off = only_first<T>(hn::Sub(load_first(piece, count), start), count);
      sum = hn::Add(sum, off);
      spread = hn::Max(spread, hn::Abs(off));
    }
    const auto values = static_cast<Parameter<T>>(kPieces * count);
    const auto off = hn::Div(hn::SumOfLanes(d, sum), hn::Set(d, values));
    pivot[segment] = hn::GetLane(hn::Add(start, round_coarsely<T>(off, hn::MaxOfLanes(d, spread))));
  }
}

// Samples 8 rows, or up to 32 if there are many. A column whose pivot is more than a standard
// deviation off its mean is summed again: one in 200 for eight values, rare for 32.
template <class T>
void find_pivot_of_columns(const T* x, const Region& region, Parameter<T>* pivot) {
  const Tag<T> d;
  const Index rows = std::min(region.rows, std::clamp<Index>(region.rows / 16, 8, 32));
  const auto inverse = hn::Set(d, 1 / static_cast<Parameter<T>>(rows));
  for (Index at = 0; at < region.segments; at += lanes<T>()) {
    const Index count = std::min(lanes<T>(), region.segments - at);
    const bool whole = count == lanes<T>();
    const auto values = [&](Index row) {
      return load_first(x + row * region.row_stride + at, count);
    };
    const auto start = values(0);
    auto sum = hn::Zero(d);
    auto spread = sum;
    for (Index i = 1; i < rows; ++i) {
      const auto off = hn::Sub(values(region.rows * i / rows), start);
      sum = hn::Add(sum, off);
      spread = hn::Max(spread, hn::Abs(off));
    }
    const auto found = hn::Add(start, round_coarsely<T>(hn::Mul(sum, inverse), spread));
    if (whole) {
      store<Parameter<T>>(found, pivot + at);
    } else {
      store_some<Parameter<T>>(found, pivot + at, count);
    }
  }
}

template <class T>
void join_pivots(Index tiles, Index segments, const Parameter<T>* of_segments,
                 Parameter<T>* of_tiles) {
  using Real = Parameter<T>;
  constexpr Index kLanes = lanes<T>();
  const Tag<T> d;
  HWY_ALIGN std::array<Real, static_cast<std::size_t>(kLanes)> start, off, spread;
  for (Index first = 0; first < tiles; first += kLanes) {
    const Index count = std::min(kLanes, tiles - first);
    start.fill(0), off.fill(0), spread.fill(0);
    for (Index i = 0; i < count; ++i) {
      const Real* own = of_segments + (first + i) * segments;
      Real sum = 0;
      Real most = 0;
      for (Index k = 1; k < segments; ++k) {
        sum += own[k] - own[0];
        most = std::max(most, std::abs(own[k] - own[0]));
      }
      const auto at = static_cast<std::size_t>(i);
      start[at] = own[0], off[at] = sum / static_cast<Real>(segments), spread[at] = most;
    }
    const auto coarse = round_coarsely<T>(hn::Load(d, off.data()), hn::Load(d, spread.data()));
    hn::Store(hn::Add(hn::Load(d, start.data()), coarse), d, start.data());
    std::copy_n(start.data(), count, of_tiles + first);
  }
}

template <class T>
void sum_runs_forward(const T* x, const Region& region, const Parameter<T>* pivot, double* a,
                      double* ab) {
  sum_runs<T>(
      region,
      [=](Index segment) {
        return ForwardTerms<T>{x, hn::Set(Tag<T>(), pivot[segment])};
      },
      a, ab);
}

template <class T>
void sum_runs_backward(const T* x, const T* dy, const Region& region, const Parameter<T>* mean,
                       double* a, double* ab) {
  sum_runs<T>(
      region,
      [=](Index segment) {
        return BackwardTerms<T>{x, dy, hn::Set(Tag<T>(), mean[segment])};
      },
      a, ab);
}

template <class T>
void sum_columns_forward(const T* x, const Region& region, const Parameter<T>* pivot, double* a,
                         double* ab) {
  sum_columns<T>(
      region,
      [=](Index at, Index count) {
        return ForwardTerms<T>{x + at, load_first(pivot + at, count)};
      },
      a, ab);
}

template <class T>
void sum_columns_backward(const T* x, const T* dy, const Region& region, const Parameter<T>* mean,
                          double* a, double* ab) {
  sum_columns<T>(
      region,
      [=](Index at, Index count) {
        return BackwardTerms<T>{x + at, dy + at, load_first(mean + at, count)};
      },
      a, ab);
}

// Calls write_segment(segment, offset) for each run of the region, row by row, in the order of
// memory.
template <class Write>
HWY_INLINE void for_each_run(const Region& shared, const Write& write_segment) {
  const Region region = shared;  // a copy, which stores of vectors cannot alias
  for (Index i = 0; i < region.rows; ++i) {
    const Index row = region.reversed ? region.rows - 1 - i : i;
    for (Index segment = 0; segment < region.segments; ++segment) {
      write_segment(segment, row * region.row_stride + segment * region.segment_stride);
    }
  }
}

// Calls write_piece(column, columns, offset, rows, stride) for pieces of the region. A piece has as
// many columns as keep their coefficients in the L1, `kinds` per column, while several rows use
// them.
template <class T, class Write>
HWY_INLINE void for_each_piece(const Region& shared, Index kinds, const Write& write_piece) {
  const Region region = shared;  // as above
  constexpr Index kRows = 8;
  constexpr Index kLine = 16;
  const Index bytes = kinds * static_cast<Index>(sizeof(Parameter<T>));
  const Index columns = std::max(kLine, region.coefficient_bytes / bytes / kLine * kLine);
  const Index rows = region.segments <= columns ? region.rows : kRows;
  const Index stride = region.reversed ? -region.row_stride : region.row_stride;
  const Index start = region.reversed ? (region.rows - 1) * region.row_stride : 0;
  for (Index block = 0; block < region.rows; block += rows) {
    const Index some_rows = std::min(rows, region.rows - block);
    for (Index column = 0; column < region.segments; column += columns) {
      const Index some = std::min(columns, region.segments - column);
      write_piece(column, some, start + block * stride + column, some_rows, stride);
    }
  }
}

template <class T>
void normalize_runs(const T* x, T* y, const Region& region, const Parameter<T>* mean,
                    const Parameter<T>* scale, const Parameter<T>* beta, bool streaming) {
  in_manner(streaming, region.ahead != 0, [&](auto manner) {
    for_each_run(region, [&](Index k, Index at) {
      const Normalized<T, Constant<T>> of{x + at, Constant<T>(mean[k]), Constant<T>(scale[k]),
                                          Constant<T>(beta[k])};
      write(manner, y + at, 0, region.length, region.ahead, of);
    });
  });
}

template <class T>
void normalize_columns(const T* x, T* y, const Region& region, const Parameter<T>* mean,
                       const Parameter<T>* scale, const Parameter<T>* beta, bool streaming) {
  in_manner(streaming, region.ahead != 0, [&](auto manner) {
    for_each_piece<T>(region, 3, [&](Index k, Index columns, Index at, Index rows, Index stride) {
      const Normalized<T, Array<T>> of{x + at, {mean + k}, {scale + k}, {beta + k}};
      write_rows(manner, y + at, rows, stride, columns, region.ahead, region.paired, of);
    });
  });
}

template <class T>
void apply_runs(const T* x, T* y, const Region& region, const Parameter<T>* scale,
                const Parameter<T>* bias, bool streaming) {
  in_manner(streaming, region.ahead != 0, [&](auto manner) {
    for_each_run(region, [&](Index k, Index at) {
      write(manner, y + at, 0, region.length, region.ahead,
            Folded<T, Constant<T>>{x + at, Constant<T>(scale[k]), Constant<T>(bias[k])});
    });
  });
}

template <class T>
void apply_columns(const T* x, T* y, const Region& region, const Parameter<T>* scale,
                   const Parameter<T>* bias, bool streaming) {
  in_manner(streaming, region.ahead != 0, [&](auto manner) {
    for_each_piece<T>(region, 2, [&](Index k, Index columns, Index at, Index rows, Index stride) {
      const Folded<T, Array<T>> of{x + at, {scale + k}, {bias + k}};
      for (Index i = 0; i < rows; ++i) write(manner, y + at, i * stride, columns, region.ahead, of);
    });
  });
}

template <class T>
void differentiate_runs(const T* x, const T* dy, T* dx, const Region& region,
                        const Parameter<T>* mean, const Parameter<T>* scale,
                        const Parameter<T>* constant, const Parameter<T>* slope, bool streaming) {
  in_manner(streaming, region.ahead != 0, [&](auto manner) {
    for_each_run(region, [&](Index k, Index at) {
      const Differentiated<T, Constant<T>> of{x + at,
                                              dy + at,
                                              Constant<T>(mean[k]),
                                              Constant<T>(scale[k]),
                                              Constant<T>(constant[k]),
                                              Constant<T>(slope[k])};
      write(manner, dx + at, 0, region.length, region.ahead, of);
    });
  });
}

template <class T>
void differentiate_columns(const T* x, const T* dy, T* dx, const Region& region,
                           const Parameter<T>* mean, const Parameter<T>* scale,
                           const Parameter<T>* constant, const Parameter<T>* slope,
                           bool streaming) {
  in_manner(streaming, region.ahead != 0, [&](auto manner) {
    for_each_piece<T>(region, 4, [&](Index k, Index columns, Index at, Index rows, Index stride) {
      const Differentiated<T, Array<T>> of{x + at,      dy + at,        {mean + k},
                                           {scale + k}, {constant + k}, {slope + k}};
      write_rows(manner, dx + at, rows, stride, columns, region.ahead, region.paired, of);
    });
  });
}

template <class T>
void rescale_runs(const T* dy, T* dx, const Region& region, const Parameter<T>* scale,
                  bool streaming) {
  in_manner(streaming, region.ahead != 0, [&](auto manner) {
    for_each_run(region, [&](Index k, Index at) {
      write(manner, dx + at, 0, region.length, region.ahead,
            Rescaled<T, Constant<T>>{dy + at, Constant<T>(scale[k])});
    });
  });
}

template <class T>
void rescale_columns(const T* dy, T* dx, const Region& region, const Parameter<T>* scale,
                     bool streaming) {
  in_manner(streaming, region.ahead != 0, [&](auto manner) {
    for_each_piece<T>(region, 1, [&](Index k, Index columns, Index at, Index rows, Index stride) {
      write_rows(manner, dx + at, rows, stride, columns, region.ahead, region.paired,
                 Rescaled<T, Array<T>>{dy + at, {scale + k}});
    });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace simd
HWY_AFTER_NAMESPACE();

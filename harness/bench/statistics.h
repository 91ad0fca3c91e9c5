// The little statistics that measuring itself needs: when to stop, and how noisy it was. The
// statistics of reports live in scripts/analysis, in one place.
#pragma once

#include <span>
#include <vector>

namespace normbench {

// Of an unsorted, non-empty range.
double median(std::span<const double> values);

// A ratio of two times with its confidence interval.
struct Ratio {
  double value;
  double low;
  double high;
};

// Median of the per-round ratios a / b, with the sign-test interval of at least 95%: the k-th
// smallest and k-th largest, for the largest k at which a binomial(rounds, 1/2) tail stays
// within 2.5%. The rounds must match. Fewer than 6 rounds have no such interval: low is 0 and high
// infinity.
Ratio paired_ratio(std::span<const double> a, std::span<const double> b);

// The spread of A/A ratios (one backend measured against itself, one ratio per case) below which no
// difference is believed: the 95th percentile of max(r, 1 / r). 1 when there is none.
double noise_floor(std::span<const Ratio> twins);

}  // namespace normbench

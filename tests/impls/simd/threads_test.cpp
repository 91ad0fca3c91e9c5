// What the threads of simd do together.
#include "impls/simd/threads.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <vector>

namespace simd {
namespace {

TEST(ShareOf, CoversEverythingOnce) {
  for (const Index all : {0, 1, 5, 16, 100, 1000}) {
    for (const Index parts : {1, 2, 3, 12}) {
      for (const Index step : {1, 16}) {
        Index next = 0;
        for (Index part = 0; part < parts; ++part) {
          const Range share = share_of(all, part, parts, step);
          EXPECT_EQ(share.first, next);
          EXPECT_GE(share.size, 0);
          if (part > 0) {
            EXPECT_EQ(share.first % step, 0);
          }
          next += share.size;
        }
        EXPECT_EQ(next, all);
      }
    }
  }
}

// Teams of any size, one after the other, as OpenMP may give them. So many sums that a thread still
// reads them while another begins the next round.
TEST(AllReduce, GivesEachThreadTheSameTotals) {
  constexpr Index kSize = 20000;
  AllReduce all_reduce(4, kSize);
  std::atomic<int> wrong = 0;
  for (int round = 0; round < 20; ++round) {
    const int threads = 2 + round % 3;
#pragma omp parallel num_threads(threads)
    {
      const int thread = omp_get_thread_num();
      const int team = omp_get_num_threads();
      for (int again = 0; again < 3; ++again) {
        std::vector<double> a(kSize, thread + again), b(kSize, 10 * (thread + round));
        all_reduce.add_up(a.data(), b.data(), kSize - 1, thread, team);
        const double sum = team * (team - 1) / 2.0 + team * again;
        const double other = 10.0 * (team * (team - 1) / 2.0 + team * round);
        wrong += static_cast<int>(std::count(a.begin(), a.end() - 1, sum) != kSize - 1);
        wrong += static_cast<int>(std::count(b.begin(), b.end() - 1, other) != kSize - 1);
        wrong += static_cast<int>(a.back() != thread + again);  // beyond what is added up
      }
    }
  }
  EXPECT_EQ(wrong, 0);
}

TEST(Gradients, AddUpThePlacesOfAParameter) {
  constexpr Index kParameters = 40;
  Gradients<float> gradients(3, 2 * kParameters, 0);
  std::vector<float> dgamma(kParameters), dbeta(kParameters);
  int team = 0;
#pragma omp parallel num_threads(3)
  {
    const int thread = omp_get_thread_num();
#pragma omp single
    team = omp_get_num_threads();
    for (int batch = 0; batch < 2; ++batch) {
      auto& own = gradients.cleared(thread);
      std::fill(own.dbeta.begin(), own.dbeta.end(), 1);
      std::fill(own.dgamma.begin(), own.dgamma.end(), 2);
      gradients.add_up(
          kParameters,
          [](Index i) {
            return Places{i, 2 * kParameters, kParameters};
          },
          thread, omp_get_num_threads(), dgamma.data(), dbeta.data());
    }
  }
  for (Index i = 0; i < kParameters; ++i) {
    EXPECT_EQ(dbeta[static_cast<std::size_t>(i)], static_cast<float>(2 * team));
    EXPECT_EQ(dgamma[static_cast<std::size_t>(i)], static_cast<float>(4 * team));
  }
}

}  // namespace
}  // namespace simd

// Data, networks and the order of measurements.
#include "harness/study/study.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <stdexcept>

#include "harness/study/network.h"
#include "source_dir.h"
#include "tests/temporary_folder.h"

namespace normbench::study {
namespace {

using nlohmann::ordered_json;

const Data& data() {
  static const Data all = read_data(NORMBENCH_SOURCE_DIR "/harness/study/data");
  return all;
}

TEST(Data, IsAllThere) {
  EXPECT_EQ(data().train.size(), 1437);
  EXPECT_EQ(data().test.size(), 360);
  EXPECT_EQ(data().co2.size(), 2284U);
  EXPECT_DOUBLE_EQ(data().co2.front(), 316.1);
  const auto [low, high] =
      std::minmax_element(data().train.pixels.begin(), data().train.pixels.end());
  EXPECT_EQ(*low, 0.0F);
  EXPECT_EQ(*high, 1.0F);
}

TEST(Data, NamesTheLineThatIsWrong) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "digits.csv") << "1,2,3\n";
  try {
    read_data(folder.path());
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("digits.csv:1: 65 numbers"), std::string::npos);
  }
}

TEST(Data, ViewsHaveTheSamePixels) {
  Batch features, rows;
  data().train.take(std::vector<std::int64_t>{3, 1}, View::kFeatures, features);
  data().train.take(std::vector<std::int64_t>{3, 1}, View::kRows, rows);
  EXPECT_EQ(features.x.sizes(), (nn::Sizes{2, 64}));
  EXPECT_EQ(rows.x.sizes(), (nn::Sizes{2, 8, 8}));
  EXPECT_EQ(features.x.values(), rows.x.values());
  EXPECT_EQ(features.labels, (std::vector<int>{data().train.labels[3], data().train.labels[1]}));
}

TEST(Shuffled, HasEachDigitOnceAnEpoch) {
  Shuffled order(10, 3, 1);
  for (int epoch = 0; epoch < 5; ++epoch) {
    std::set<std::int64_t> seen;
    for (int batch = 0; batch < 3; ++batch) {
      for (const std::int64_t digit : order.next()) EXPECT_TRUE(seen.insert(digit).second);
    }
    EXPECT_EQ(seen.size(), 9U);
  }
}

// The loss falls by rate * |gradient|^2 to first order.
TEST(Network, DescendsAlongTheGradient) {
  for (const View view : {View::kFeatures, View::kRows}) {
    for (const std::string norm : {"none", "batch", "group", "rms"}) {
      Network network({.view = view, .norm = norm});
      Batch batch;
      std::vector<std::int64_t> which;
      std::uint64_t state = 1;
      draw(data().train.size(), 32, state, which);
      data().train.take(which, view, batch);
      constexpr double kRate = 1e-3;
      const double before = network.step(batch, kRate);
      double square = 0;
      for (const nn::Slot& slot : network.layers().parameters()) {
        for (const double value : slot.gradient->values()) square += value * value;
      }
      const double after = network.step(batch, 0);
      EXPECT_NEAR((before - after) / (kRate * square), 1, 0.05) << norm;
    }
  }
}

TEST(Network, LearnsDigits) {
  Network network({.norm = "batch", .on = {.backend = "naive"}});
  Shuffled order(data().train.size(), 64, 1);
  Batch batch;
  for (int step = 0; step < 60; ++step) {
    data().train.take(order.next(), network.view(), batch);
    network.step(batch, 0.3);
  }
  EXPECT_GT(network.evaluate(data().test.all(network.view())).accuracy, 0.8);
}

TEST(Network, StatisticsOfBatchesLeaveTheRunningOnes) {
  Network network({});
  const nn::StateDict before = network.layers().state_dict();
  network.evaluate_by_batches(data().test, 8);
  const nn::StateDict after = network.layers().state_dict();
  for (const auto& [name, value] : before.entries) EXPECT_EQ(*after.find(name), value) << name;
}

// With the statistics of all of them at once, inference is what training is.
TEST(Network, TakesTheStatisticsOfAll) {
  Network network({});
  network.take_statistics_of(data().test.all(View::kFeatures));
  const double inference = network.evaluate(data().test.all(View::kFeatures)).loss;
  EXPECT_NEAR(network.evaluate_by_batches(data().test, 360).loss, inference, 0.01);
  EXPECT_EQ(network.batch_norms()[0]->momentum, kDefaultMomentum);
}

TEST(Network, CheckedNormsAreWithinTheirBoundsAndTheSame) {
  Network plain({}), checked({.checked = true});
  Shuffled order(data().train.size(), 32, 1);
  Batch batch;
  for (int step = 0; step < 5; ++step) {
    data().train.take(order.next(), View::kFeatures, batch);
    EXPECT_EQ(plain.step(batch, 0.1), checked.step(batch, 0.1));
  }
  EXPECT_GT(checked.worst(), 0);
  EXPECT_LE(checked.worst(), 1);
}

std::vector<Measurement> counting(int count) {
  std::vector<Measurement> all;
  for (int at = 0; at < count; ++at) {
    all.push_back({.keys = {{"at", at}}, .measure = [at](ordered_json& line) {
                     if (at == 2) throw std::invalid_argument("not two");
                     line["square"] = at * at;
                   }});
  }
  return all;
}

TEST(Measure, GivesLinesInOrderWithReasons) {
  for (const int threads : {1, 4}) {
    std::vector<ordered_json> lines;
    EXPECT_TRUE(measure(
        counting(50), threads, [](std::size_t) { return false; },
        [&](const ordered_json& line) { lines.push_back(line); }));
    ASSERT_EQ(lines.size(), 50U);
    for (int at = 0; at < 50; ++at) EXPECT_EQ(lines[static_cast<std::size_t>(at)]["at"], at);
    EXPECT_EQ(lines[2].dump(), R"({"at":2,"outcome":"refused","reason":"not two"})");
    EXPECT_EQ(lines[3].dump(), R"({"at":3,"outcome":"measured","square":9})");
  }
}

TEST(Measure, StopsBetweenMeasurements) {
  std::size_t taken = 0;
  EXPECT_FALSE(measure(
      counting(50), 1, [](std::size_t done) { return done == 7; },
      [&](const ordered_json&) { ++taken; }));
  EXPECT_EQ(taken, 7U);
}

TEST(Measure, HandsOnWhatTheWriterThrows) {
  const auto fail = [](const ordered_json&) { throw std::runtime_error("disk full"); };
  EXPECT_THROW(measure(
                   counting(50), 2, [](std::size_t) { return false; }, fail),
               std::runtime_error);
}

TEST(Studies, HaveTheirMeasurements) {
  const Settings tiny = {.backends = {"naive"}, .seeds = 2, .tiny = true};
  for (const Study& study : studies()) {
    EXPECT_FALSE(study.measurements(tiny, data()).empty()) << study.name;
  }
}

}  // namespace
}  // namespace normbench::study

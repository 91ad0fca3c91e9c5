// Right values in the wrong place, or in none.
#include <limits>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

const Problem kTraining = batch_norm(Pass::kForwardTraining, 8, 5, 7);
const Problem kMiniBatches = batch_norm(Pass::kForwardTraining, 12, 5, 3, 4);
const Problem kBackward = batch_norm(Pass::kBackward, 8, 5, 7);

template <class Place>
Behavior placing(Place place) {
  return replaced(&Steps::place, place);
}

template <class Skip>
Behavior skipping(Skip skip) {
  return placing([skip](const Problem& p, Element element) {
    return skip(p, element) ? kNowhere : position(p, element);
  });
}

bool in_the_tail(const Problem& p, Element element) { return element.j >= p.l / 4 * 4; }

}  // namespace

std::vector<Faulty> placement_faults() {
  return {
      {"tail_of_y_not_written", kTraining, "y", "channel 0, position 4 is ", skipping(in_the_tail)},
      {"tail_of_dx_not_written", kBackward, "dx", "channel 0, position 4 is ",
       skipping(in_the_tail)},
      {"last_channel_not_written", kTraining, "y", "channel 4, position 0 is ",
       skipping([](const Problem& p, Element element) { return element.k == p.c - 1; })},
      {"last_sample_not_written", kTraining, "y", "sample 7, channel 0, position 0 is ",
       skipping([](const Problem& p, Element element) { return element.i == p.batch - 1; })},
      {"neighboring_channels_swapped", kTraining, "y", "y at sample",
       placing([](const Problem& p, Element element) {
         if (element.k < 2) element.k = 1 - element.k;
         return position(p, element);
       })},
      {"neighboring_positions_swapped", kBackward, "dx", "dx at sample",
       placing([](const Problem& p, Element element) {
         if (element.j < 2) element.j = 1 - element.j;
         return position(p, element);
       })},
      {"y_in_the_other_layout", kTraining, "y", "y at sample",
       placing([](Problem p, Element element) {
         p.layout = Layout::kNlc;
         return position(p, element);
       })},
      {"nan_in_one_element", kTraining, "y", "y at sample 3, channel 4, position 6 is ",
       followed_by([](const Work& work) {
         work.arguments.y.as<float>()[(3 * 5 + 4) * 7 + 6] =
             std::numeric_limits<float>::quiet_NaN();
       })},
      {"infinity_in_one_element", kBackward, "dx", "dx at sample 3, channel 4, position 6 is inf",
       followed_by([](const Work& work) {
         work.arguments.dx.as<float>()[(3 * 5 + 4) * 7 + 6] =
             std::numeric_limits<float>::infinity();
       })},
      {"every_mini_batch_to_the_first_rows", kMiniBatches, "mean",
       "mean at mini-batch 0, channel 0 is ",
       replaced(&Behavior::run,
                [](const Work& work) {
                  Problem one = work.problem;
                  one.n = one.batch;
                  for (std::int64_t i = 0; i < work.problem.mini_batches(); ++i) {
                    Arguments part = mini_batch(work.problem, work.arguments, i);
                    part.mean = work.arguments.mean.rows(0, 1);
                    normalize(one, part, work.steps);
                  }
                })},
  };
}

}  // namespace normbench::faulty

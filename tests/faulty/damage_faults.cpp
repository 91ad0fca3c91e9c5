// Memory read or written that is none of the backend's business.
#include <cstring>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

const Problem kTraining = batch_norm(Pass::kForwardTraining, 8, 5, 7);
const Problem kInference = batch_norm(Pass::kForwardInference, 8, 5, 7);
const Problem kBackward = batch_norm(Pass::kBackward, 8, 5, 7);

// Writes one value at `distance` elements from the start (below 0) or the end of a buffer.
auto write_outside(Tensor Arguments::*buffer, std::ptrdiff_t distance) {
  return [buffer, distance](const Work& work) {
    const Tensor& tensor = work.arguments.*buffer;
    const std::ptrdiff_t end = static_cast<std::ptrdiff_t>(tensor.size());
    static_cast<float*>(tensor.data)[distance < 0 ? distance : end + distance] = 1;
  };
}

auto change(Tensor Arguments::*input) {
  return [input](const Work& work) { (work.arguments.*input).as<float>().back() += 1; };
}

// As who sorts its input in place, and puts it back.
auto change_and_take_back(Tensor Arguments::*input) {
  return [input](const Work& work) {
    volatile float* last = &(work.arguments.*input).as<float>().back();
    const float before = *last;
    *last = before + 1;
    *last = before;
  };
}

// Goes one element too far, and writes there what that is made of.
void copy_one_more(const Work& work) {
  const auto end = static_cast<std::size_t>(work.arguments.x.size());
  std::memcpy(static_cast<float*>(work.arguments.y.data) + end,
              static_cast<const float*>(work.arguments.x.data) + end, sizeof(float));
}

void normalize_one_more(const Work& work) {
  const std::ptrdiff_t end = work.arguments.x.size();
  store(work.arguments.y, end, load(work.arguments.x, end) * 2 + 1);
}

void update_one_channel_more(const Work& work) {
  const std::ptrdiff_t end = work.arguments.running_mean.size();
  const double before = load(work.arguments.running_mean, end);
  store(work.arguments.running_mean, end, 0.9 * before + 0.1 * load(work.arguments.x, end));
}

std::vector<double> with_the_value_beyond(const Problem& p, const Tensor& tensor, std::int64_t k) {
  std::vector<double> values = values_of(p, tensor, k);
  values.push_back(load(tensor, position(p, {p.batch - 1, k, p.l - 1}) + 1));
  return values;
}

// Counts one value more than a row has: of the last channel, one past the end of x.
Statistic reading_past_a_row(const Problem& p, const Arguments& a, std::int64_t k, Statistic due) {
  return k == p.c - 1 ? two_pass(p, with_the_value_beyond(p, a.x, k)) : due;
}

// Takes the running statistics of the next channel: of the last one, past their end.
Statistic of_the_next_channel(const Problem& p, const Arguments& a, std::int64_t k, Statistic due) {
  return k == p.c - 1 ? Statistic{load(a.running_mean, k + 1), 1} : due;
}

}  // namespace

std::vector<Faulty> damage_faults() {
  return {
      {"writes_past_the_end_of_y", kTraining, "", "exact input, call 1: wrote past the end of y",
       followed_by(write_outside(&Arguments::y, 0))},
      {"writes_before_the_start_of_y", kTraining, "", "wrote before the start of y",
       followed_by(write_outside(&Arguments::y, -1))},
      {"writes_past_the_end_of_an_input", kBackward, "", "wrote past the end of dy",
       followed_by(write_outside(&Arguments::dy, 0))},
      {"writes_past_the_running_mean", kTraining, "", "wrote past the end of running_mean",
       followed_by(write_outside(&Arguments::running_mean, 0))},
      {"writes_past_the_end_while_prepared", kTraining, "", "wrote past the end of y",
       replaced(&Behavior::prepare, write_outside(&Arguments::y, 0))},
      {"writes_past_the_end_while_loading", kTraining, "", "wrote past the end of y",
       replaced(&Behavior::load, write_outside(&Arguments::y, 0))},
      {"writes_past_the_end_while_collecting", kTraining, "", "wrote past the end of y",
       replaced(&Behavior::collect, write_outside(&Arguments::y, 0))},
      {"copies_one_value_more", small(Norm::kNone, Pass::kForwardInference), "",
       "wrote past the end of y", followed_by(copy_one_more)},
      {"normalizes_one_value_more", kTraining, "", "wrote past the end of y",
       followed_by(normalize_one_more)},
      {"updates_one_channel_more", kTraining, "", "wrote past the end of running_mean",
       followed_by(update_one_channel_more)},
      {"places_y_one_element_late", kTraining, "", "wrote past the end of y",
       replaced(&Steps::place,
                [](const Problem& p, Element element) { return position(p, element) + 1; })},
      {"x_changed", kTraining, "", "changed its input x", followed_by(change(&Arguments::x))},
      {"x_changed_and_taken_back", kTraining, "", "changed its input x",
       followed_by(change_and_take_back(&Arguments::x))},
      {"gamma_changed_and_taken_back", kBackward, "", "changed its input gamma",
       followed_by(change_and_take_back(&Arguments::gamma))},
      {"gamma_changed", kTraining, "", "changed its input gamma",
       followed_by(change(&Arguments::gamma))},
      {"beta_changed", kInference, "", "changed its input beta",
       followed_by(change(&Arguments::beta))},
      {"dy_used_as_scratch", kBackward, "", "changed its input dy",
       followed_by(change(&Arguments::dy))},
      {"saved_mean_changed", kBackward, "", "changed its input mean",
       followed_by(change(&Arguments::mean))},
      {"x_changed_while_loading", kTraining, "", "changed its input x",
       replaced(&Behavior::load, change(&Arguments::x))},
      {"reads_past_the_end_of_x", kTraining, "y", "channel 4, position 0 is ",
       replaced(&Steps::statistic_of_y, reading_past_a_row)},
      {"reads_past_the_running_mean", kInference, "y", "channel 4, position 0 is ",
       replaced(&Steps::statistic_of_y, of_the_next_channel)},
  };
}

}  // namespace normbench::faulty
